-- Calls in flight: a slot is a member of a sorted set whose score is the end of its lease. A dead holder's lease ends.
local WANTED_MS = 10000

local function slots_key(gateway, side) return PREFIX .. 'slots:' .. gateway .. ':' .. side end
local ALL_SLOTS = PREFIX .. 'slots'

local function in_use(key, now)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.3f', now))
  return redis.call('ZCARD', key)
end

-- While others ask too, the last tenth is kept for whoever holds less than a fair share.
local function is_full(used, limit, mine, share, others_ask)
  if used >= limit then return true end
  local kept = math.min(math.max(1, math.floor(limit / 10)), limit - 1)
  return others_ask and mine >= share and used >= limit - kept
end

-- The gateway's own limit, for charges and questions together.
local function is_gateway_full(gateway, side, limit, now)
  local other = side == 'charge' and 'question' or 'charge'
  local mine, others = in_use(slots_key(gateway, side), now), in_use(slots_key(gateway, other), now)
  local asked_at = read(PREFIX .. 'asked', gateway .. ':' .. other)
  write(PREFIX .. 'asked', gateway .. ':' .. side, now)
  return is_full(mine + others, limit, mine, limit / 2, now - asked_at < WANTED_MS)
end

-- The limit of all payments. `gateways` are the names of those that are switched on.
local function is_all_full(gateway, gateways, limit, now)
  local used, mine = in_use(ALL_SLOTS, now), in_use(slots_key(gateway, 'charge'), now)
  local asking = 1
  for _, name in ipairs(gateways) do
    local asked_at = read(PREFIX .. 'asked', name .. ':charge')
    if name ~= gateway and now - asked_at < WANTED_MS then asking = asking + 1 end
  end
  return is_full(used, limit, mine, limit / asking, asking > 1)
end

local function take_slot(key, holder, ends_at)
  redis.call('ZADD', key, ends_at, holder)
  redis.call('PEXPIRE', key, 3600000)
end

-- Only one's own: a holder who slept past the end of the lease finds somebody else's.
local function give_back_slot(key, holder, ends_at)
  local score = redis.call('ZSCORE', key, holder)
  if score and tonumber(score) == tonumber(ends_at) then redis.call('ZREM', key, holder) end
end
