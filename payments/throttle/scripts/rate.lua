-- Calls per second: one line per gateway, in which every call gets its moment (GCRA without a burst).
-- The line is paced a little below the limit: calls may arrive up to 87 ms unevenly and still stay within it.
local PACE = 0.92
-- So late a place may still be used: else who comes late would meet the ones behind. And so late while the line is nearly
-- empty: all of that time may come at once then, and are few, and a full line behind them stays within the limit.
local LATE_MS, LATE_MS_WHEN_EMPTY, EMPTY_SHARE = 20, 500, 0.05
local SHORTER_LINE_MS = 800
local ASKED_MS = 3000
-- After a "too many" the pace stays a little below what the gateway took for so long, then rises, slowly at first and
-- ever faster: close to what it refused lately it is careful, and soon after it can do more it gets everything again.
local HELD_MS, RECOVERED_MS = 5000, 22000
-- How far ahead one may book who is sure of a place is LONGEST_LINE_MS. So one call more fits in behind all others,
-- down to four a second.
local USUAL_LINE_MS = 1250
local STEP_MS = 150
local PACE_OVER_MS = 5000

local function rate_key(gateway) return PREFIX .. 'rate:' .. gateway end

-- Calls per second as of now: never more than the limit's pace, less after a "too many" (see slow.lua).
local function pace_now(key, per_second, now)
  local most, cut_to, cut_at = per_second * PACE, read(key, 'cut_to', 'cut_at')
  if cut_to == 0 or cut_to >= most then return most end
  local risen = (now - cut_at - HELD_MS) / (RECOVERED_MS - HELD_MS)
  if risen <= 0 then return cut_to end
  return cut_to + (most - cut_to) * math.min(1, risen) ^ 3
end

-- Ranks: 'high' and 'aged' (has waited long) go before 'other'. Each of the two is sure of half of the charges' share.
-- A 'begun' charge came too late for its place, and holds its slot. A question has no rank: ''.
local function line_of(key, rank, side_line, gap, now, is_sure)
  if rank == '' then return side_line end
  if is_sure then return LONGEST_LINE_MS end
  -- At a slow gateway the steps are too small to keep a place free: who has waited long and was turned away keeps
  -- the others out until it comes back.
  if gap > LONGEST_LINE_MS - USUAL_LINE_MS and now < read(key, 'aged_comes_until') then return 0 end
  return rank == 'other' and side_line - STEP_MS or side_line
end

-- Charges and questions share the line. A side that has had more than half of it lately, while the other one asks
-- too, may book less far ahead: so each is sure of half, and what one side leaves the other takes.
-- Not before `lead_ms` from now: the caller needs so long. Returns the moment of this call and what to note when it is
-- taken; or nil and after how long to ask again.
local function find_place(gateway, side, rank, per_second, lead_ms, now)
  local key, other = rate_key(gateway), side == 'charge' and 'question' or 'charge'
  local free_at, paused_until, other_asked_at, used_until = read(
    key, 'free_at', 'paused_until', 'asked_at:' .. other, 'used_until:' .. side)
  write(key, 'asked_at:' .. side, now)
  redis.call('PEXPIRE', key, 600000)
  local gap = 1000 / pace_now(key, per_second, now)
  free_at = math.min(free_at, now + LONGEST_LINE_MS + gap)  -- should the clock have been set back
  used_until = math.min(math.max(used_until, now), now + LONGEST_LINE_MS)
  local at = math.max(now + lead_ms, free_at, begins_at(now), paused_until)
  local line, is_sure, cost = USUAL_LINE_MS, false, now - other_asked_at < ASKED_MS and 4 * gap or 2 * gap
  local ranked_until = math.min(math.max(read(key, 'used_until:' .. rank), now), now + LONGEST_LINE_MS + cost)
  if rank == 'high' or rank == 'aged' then is_sure = ranked_until - now <= gap end
  if rank == 'begun' then is_sure = true end
  if now - other_asked_at < ASKED_MS and used_until - now > 2 * gap then line = SHORTER_LINE_MS end
  local too_far = math.max(at - now - LONGEST_LINE_MS, free_at - now - line_of(key, rank, line, gap, now, is_sure))
  if too_far > 0 then
    if rank == 'aged' then write(key, 'aged_comes_until', now + ASKED_MS) end
    return nil, too_far + 50
  end
  return at, {key = key, gateway = gateway, at = at, free_at = at + gap, side = side, used_until = used_until + 2 * gap,
    rank = rank, ranked_until = ranked_until + cost}
end

local function take_place(place)
  write(place.key, 'free_at', place.free_at)
  write(place.key, 'used_until:' .. place.side, place.used_until)
  if place.rank ~= '' then write(place.key, 'used_until:' .. place.rank, place.ranked_until) end
  if place.rank == 'aged' then redis.call('HDEL', place.key, 'aged_comes_until') end
  note_sent(place.gateway, 'sent', place.at)
end

-- How late the place that was just taken may be used.
local function may_be_late(place, per_second, now)
  if pace_now(place.key, per_second, now) < per_second * PACE then return LATE_MS end
  local lately = sent_within(place.gateway, place.at - LATE_MS_WHEN_EMPTY, place.at)
  return lately <= EMPTY_SHARE * per_second and LATE_MS_WHEN_EMPTY or LATE_MS
end

-- Charges let through a second, over the last few; the sweeper tells of so many (payments/sweep.py).
local function note_pace(gateway, now)
  local pace, paced_at = read(rate_key(gateway), 'pace', 'paced_at')
  write(rate_key(gateway), 'pace', pace * math.exp((paced_at - now) / PACE_OVER_MS) + 1000 / PACE_OVER_MS)
  write(rate_key(gateway), 'paced_at', now)
end
