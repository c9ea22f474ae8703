-- Calls in flight: a slot is a member of a sorted set whose score is the end of its lease. A dead holder's lease ends.
local ASKED_LATELY_MS = 10000
local GOES_FIRST_MS = 1500
-- Who was turned away comes back within this time: half a second, and the sweeper's tick.
local COMES_BACK_MS = 2500
local PEAK_MS = 30000

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

-- The most charges that a gateway had in flight, in this half minute or the one before.
local function note_peak(gateway, count, now)
  local peak, begun = read(ASKED, 'peak:' .. gateway, 'peak_begun:' .. gateway)
  if now - begun > PEAK_MS then
    write(ASKED, 'peak_before:' .. gateway, now - begun < 2 * PEAK_MS and peak or 0)
    write(ASKED, 'peak_begun:' .. gateway, now)
    peak = 0
  end
  write(ASKED, 'peak:' .. gateway, math.max(peak, count))
end

-- What is kept for a gateway while it is asked for: as much as it needed lately and a tenth of all, though no more than
-- a fair share.
local function kept_for(gateway, limit, asking, now)
  local peak, before, begun = read(
    ASKED, 'peak:' .. gateway, 'peak_before:' .. gateway, 'peak_begun:' .. gateway)
  local needed = now - begun < 2 * PEAK_MS and math.max(peak, before) or 0
  return math.min(limit / asking, needed + math.max(1, math.floor(limit / 10)))
end

-- How many charges of this gateway may be in flight, as far as all gateways share one limit: a slow one cannot take
-- what another one lives on. `gateways` are the names of those that are switched on.
local function room_among_all(gateway, gateways, limit, now)
  local asking = {[gateway] = true}
  local count = 1
  for _, name in ipairs(gateways) do
    if name ~= gateway and now - read(ASKED, name) < ASKED_LATELY_MS then
      asking[name] = true
      count = count + 1
    end
  end
  write(ASKED, gateway, now)
  local room = limit
  for _, name in ipairs(gateways) do
    if name ~= gateway then
      local kept = asking[name] and kept_for(name, limit, count, now) or 0
      room = room - math.max(kept, in_use(slots_key(name, 'charge'), now))
    end
  end
  return math.max(room, kept_for(gateway, limit, count, now))
end

-- Whether this charge leaves the slot to another of its gateway, which may have `room` in flight. While payments that
-- go first ask, the last tenth is theirs; one of them that was turned away goes before all who do not. Between those
-- who have waited long and the high ones the last slot goes in turns, as places in the line do.
local function must_yield(gateway, rank, mine, room, now)
  local key = PREFIX .. 'turns:' .. gateway
  write(key, 'asked_at:' .. rank, now)
  redis.call('PEXPIRE', key, 600000)
  local kept = math.min(math.max(1, math.floor(room / 10)), math.ceil(room) - 1)
  local must
  if rank == 'other' then
    local high, aged, away = read(key, 'asked_at:high', 'asked_at:aged', 'turned_away:first')
    must = now - away < COMES_BACK_MS or now - math.max(high, aged) < ASKED_LATELY_MS and mine >= room - kept
  else
    local other = rank == 'high' and 'aged' or 'high'
    must = mine >= room - 1 and redis.call('HGET', key, 'last_rank') == rank
      and now - read(key, 'turned_away:' .. other) < COMES_BACK_MS
  end
  return must
end

-- A payment that goes first found no slot.
local function note_turned_away(gateway, rank, now)
  if rank == 'other' then return end
  write(PREFIX .. 'turns:' .. gateway, 'turned_away:first', now)
  write(PREFIX .. 'turns:' .. gateway, 'turned_away:' .. rank, now)
end

local function note_turn(gateway, rank)
  if rank == 'other' then return end
  local key = PREFIX .. 'turns:' .. gateway
  redis.call('HDEL', key, 'turned_away:first', 'turned_away:' .. rank)
  redis.call('HSET', key, 'last_rank', rank)
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
