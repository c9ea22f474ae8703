-- Calls in flight: a slot is a member of a sorted set whose score is the end of its lease. A dead holder's lease ends.
local ASKED_LATELY_MS = 10000
local GOES_FIRST_MS = 1500

local function slots_key(gateway, side) return PREFIX .. 'slots:' .. gateway .. ':' .. side end
local ALL_SLOTS = PREFIX .. 'slots'
local ASKED = PREFIX .. 'asked'

local function in_use(key, now)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.3f', now))
  return redis.call('ZCARD', key)
end

-- The gateway's own limit, for charges and questions together. A side that has less than half and was turned away goes
-- first: the other one gets no more than its half until that has come back.
local function is_gateway_full(gateway, side, limit, now)
  local other = side == 'charge' and 'question' or 'charge'
  local mine, others = in_use(slots_key(gateway, side), now), in_use(slots_key(gateway, other), now)
  local my_mark, other_mark = 'turned_away:' .. gateway .. ':' .. side, 'turned_away:' .. gateway .. ':' .. other
  if mine + others >= limit then
    if mine < limit / 2 then write(ASKED, my_mark, now) end
    return true
  end
  if mine >= limit / 2 and now - read(ASKED, other_mark) < GOES_FIRST_MS then return true end
  redis.call('HDEL', ASKED, my_mark)
  return false
end

-- The limit of all payments. While other gateways are asked for too, the last tenth is kept for those that have less
-- than a fair share: a slow one cannot take everything. `gateways` are the names of those that are switched on.
local function is_all_full(gateway, gateways, limit, now)
  local used, mine, asking = in_use(ALL_SLOTS, now), in_use(slots_key(gateway, 'charge'), now), 1
  for _, name in ipairs(gateways) do
    if name ~= gateway and now - read(ASKED, name) < ASKED_LATELY_MS then asking = asking + 1 end
  end
  write(ASKED, gateway, now)
  if used >= limit then return true end
  local kept = math.min(math.max(1, math.floor(limit / 10)), limit - 1)
  return asking > 1 and mine >= limit / asking and used >= limit - kept
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
