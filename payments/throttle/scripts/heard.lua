-- What was sent to each gateway lately, and what it answered: counted in parts of a second, forgotten by themselves.
local SENT_PART_MS, HEARD_PART_MS = 250, 1000
local SENT_KEPT_MS, HEARD_KEPT_MS = 15000, 15000

local function add(key, field, number, kept_ms)
  redis.call('HINCRBY', key, field, number)
  redis.call('PEXPIRE', key, kept_ms)
end

local function sent_key(gateway, part) return PREFIX .. 'sent:' .. gateway .. ':' .. string.format('%d', part) end
local function heard_key(gateway, part) return PREFIX .. 'heard:' .. gateway .. ':' .. string.format('%d', part) end

-- 'sent' or 'busy', by the moment at which the request left.
local function note_sent(gateway, what, at)
  add(sent_key(gateway, math.floor(at / SENT_PART_MS)), what, 1, SENT_KEPT_MS)
end

-- How many left within these moments, and how many of them were too many.
local function sent_within(gateway, from, to)
  local sent, busy = 0, 0
  for part = math.floor(from / SENT_PART_MS), math.floor(to / SENT_PART_MS) do
    local more_sent, more_busy = read(sent_key(gateway, part), 'sent', 'busy')
    sent, busy = sent + more_sent, busy + more_busy
  end
  return sent, busy
end

-- 'taken', 'busy' or 'ill', by the moment at which it was heard, and how long it took.
local function note_heard(gateway, what, took_ms, now)
  local key = heard_key(gateway, math.floor(now / HEARD_PART_MS))
  add(key, what, 1, HEARD_KEPT_MS)
  if what == 'taken' then redis.call('HINCRBY', key, 'took_ms', math.floor(took_ms + 0.5)) end
end

-- Pairs at the end of a script's arguments: what was heard, and how long it took.
local function note_all_heard(gateway, first, now)
  for index = first, #ARGV, 2 do note_heard(gateway, ARGV[index], tonumber(ARGV[index + 1]), now) end
end
