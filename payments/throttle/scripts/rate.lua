-- Calls per second: one line per gateway, in which every call gets its moment (GCRA without a burst).
-- The line is paced a little below the limit: calls may arrive up to 87 ms unevenly and still stay within it.
local PACE = 0.92
local SHORTER_LINE_MS = 1000
local ASKED_MS = 3000
-- After a "too many" the pace stays a little below what the gateway took for so long, then rises, slowly at first and
-- ever faster: close to what it refused lately it is careful, and soon after it can do more it gets everything again.
local HELD_MS, RECOVERED_MS = 5000, 22000

local function rate_key(gateway) return PREFIX .. 'rate:' .. gateway end

-- Calls per second as of now: never more than the limit's pace, less after a "too many" (see slow.lua).
local function pace_now(key, per_second, now)
  local most, cut_to, cut_at = per_second * PACE, read(key, 'cut_to', 'cut_at')
  if cut_to == 0 or cut_to >= most then return most end
  local risen = (now - cut_at - HELD_MS) / (RECOVERED_MS - HELD_MS)
  if risen <= 0 then return cut_to end
  return cut_to + (most - cut_to) * math.min(1, risen) ^ 3
end

-- Charges and questions share the line. A side that has had more than half of it lately, while the other one asks
-- too, may book less far ahead: so each is sure of half, and what one side leaves the other takes.
-- Returns the moment of this call and what to note when it is taken; or nil and after how long to ask again.
local function find_place(gateway, side, per_second, now)
  local key, other = rate_key(gateway), side == 'charge' and 'question' or 'charge'
  local free_at, paused_until, other_asked_at, used_until = read(
    key, 'free_at', 'paused_until', 'asked_at:' .. other, 'used_until:' .. side)
  write(key, 'asked_at:' .. side, now)
  redis.call('PEXPIRE', key, 600000)
  local gap = 1000 / pace_now(key, per_second, now)
  free_at = math.min(free_at, now + LONGEST_LINE_MS + gap)  -- should the clock have been set back
  used_until = math.min(math.max(used_until, now), now + LONGEST_LINE_MS)
  local at = math.max(now, free_at, begins_at(now), paused_until)
  local line = LONGEST_LINE_MS
  if now - other_asked_at < ASKED_MS and used_until - now > 2 * gap then line = SHORTER_LINE_MS end
  if at - now > line then return nil, at - now - line + 50 end
  return at, {key = key, gateway = gateway, at = at, free_at = at + gap, side = side, used_until = used_until + 2 * gap}
end

local function take_place(place)
  write(place.key, 'free_at', place.free_at)
  write(place.key, 'used_until:' .. place.side, place.used_until)
  note_sent(place.gateway, 'sent', place.at)
end
