-- Calls per second: one line per gateway, in which every call gets its moment (GCRA without a burst).
-- The line is paced a little below the limit: calls may arrive up to 87 ms unevenly and still stay within it.
local PACE = 0.92
local SHORTER_LINE_MS = 1000
local ASKED_MS = 3000
local RECOVERS_MS = 60000
-- How much less far ahead those may book who yield: a call more fits in behind them, down to some four a second.
local STEP_MS = 240
local PACE_OVER_MS = 5000

local function rate_key(gateway) return PREFIX .. 'rate:' .. gateway end

-- Who goes first at the line and the slots: 'high' and 'aged' (has waited long) before 'other'. Of the two whoever did
-- not go last goes first, while the other one asks too: so each is sure of half. '' is none of these: a question, or a
-- charge that has begun.
local function is_out_of_turn(key, rank, asked_ms, now)
  if rank ~= 'high' and rank ~= 'aged' then return false end
  local other = rank == 'high' and 'aged' or 'high'
  return redis.call('HGET', key, 'last_rank') == rank and now - read(key, 'asked_at:' .. other) < asked_ms
end

-- How far ahead a charge of this rank may book. At a slow gateway the steps are too small to keep a place free: there
-- who has waited long and was turned away keeps the others out until it comes back.
local function line_of(key, rank, line, gap, now)
  if rank == '' then return line end
  local steps = rank == 'other' and 2 or is_out_of_turn(key, rank, ASKED_MS, now) and 1 or 0
  if steps > 0 and gap > STEP_MS and now < read(key, 'aged_comes_until') then return 0 end
  return line - steps * math.min(gap + 50, STEP_MS)
end

-- Charges and questions share the line. A side that has had more than half of it lately, while the other one asks
-- too, may book less far ahead: so each is sure of half, and what one side leaves the other takes.
-- Returns the moment of this call and what to note when it is taken; or nil and after how long to ask again.
local function find_place(gateway, side, rank, per_second, now)
  local key, other = rate_key(gateway), side == 'charge' and 'question' or 'charge'
  local free_at, paused_until, slowness, slowed_at, other_asked_at, used_until = read(
    key, 'free_at', 'paused_until', 'slowness', 'slowed_at', 'asked_at:' .. other, 'used_until:' .. side)
  write(key, 'asked_at:' .. side, now)
  if rank ~= '' then write(key, 'asked_at:' .. rank, now) end
  redis.call('PEXPIRE', key, 600000)
  slowness = math.max(0, slowness - (now - slowed_at) / RECOVERS_MS)
  local gap = 1000 / (per_second * PACE * (1 - slowness))
  free_at = math.min(free_at, now + LONGEST_LINE_MS + gap)  -- should the clock have been set back
  used_until = math.min(math.max(used_until, now), now + LONGEST_LINE_MS)
  local at = math.max(now, free_at, begins_at(now), paused_until)
  local line = LONGEST_LINE_MS
  if now - other_asked_at < ASKED_MS and used_until - now > 2 * gap then line = SHORTER_LINE_MS end
  local too_far = math.max(at - now - line, free_at - now - line_of(key, rank, line, gap, now))
  if too_far > 0 then
    if rank == 'aged' then write(key, 'aged_comes_until', now + ASKED_MS) end
    return nil, too_far + 50
  end
  return at, {key = key, free_at = at + gap, side = side, used_until = used_until + 2 * gap, rank = rank}
end

local function take_place(place)
  write(place.key, 'free_at', place.free_at)
  write(place.key, 'used_until:' .. place.side, place.used_until)
  if place.rank == 'high' or place.rank == 'aged' then redis.call('HSET', place.key, 'last_rank', place.rank) end
  if place.rank == 'aged' then redis.call('HDEL', place.key, 'aged_comes_until') end
end

-- Charges let through a second, over the last few; the sweeper tells of so many (payments/sweep.py).
local function note_pace(gateway, now)
  local pace, paced_at = read(rate_key(gateway), 'pace', 'paced_at')
  write(rate_key(gateway), 'pace', pace * math.exp((paced_at - now) / PACE_OVER_MS) + 1000 / PACE_OVER_MS)
  write(rate_key(gateway), 'paced_at', now)
end
