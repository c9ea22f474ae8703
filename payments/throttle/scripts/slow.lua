-- The gateway says "too many": the pace goes down to a little less than what it takes, and nobody calls it for as long
-- as it says. A crowd that hears it at once has heard it once: what left at the pace of before does not count again.
local gateway, wait_ms, age_ms, per_second = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local key, now = rate_key(gateway), server_now()
local BELOW_REFUSED, BELOW_TAKEN, LEAST = 0.93, 0.97, 0.1
-- The share that is refused says how far to go down when it was seen for so long: gateways count by the second.
local WINDOW_MS, SEEN_MS, SETTLED_MS = 10000, 1000, 1000
local ENOUGH_SENT, FEW_BUSY, SMALL_SHARE, DEEPEST_CUT, DEEPEST_OF_FEW = 5, 3, 0.1, 0.1, 0.5

local function cut(from, sent_at)
  local sent, busy = sent_within(gateway, from, sent_at)
  local share, pace = busy / math.max(sent, busy, 1), pace_now(key, per_second, now)
  local deepest = sent >= ENOUGH_SENT and DEEPEST_CUT or DEEPEST_OF_FEW
  local is_small = share <= SMALL_SHARE or (sent >= ENOUGH_SENT and busy <= FEW_BUSY)
  if is_small then return math.max(LEAST, pace * BELOW_REFUSED) end
  if sent >= ENOUGH_SENT then  -- what was asked is the measure, when it was less than allowed
    pace = math.min(pace, sent * 1000 / (sent_at - from))
  end
  return math.max(LEAST, pace * math.max(deepest, BELOW_TAKEN * (1 - share)))
end

local free_at, paused_until, judged_from = read(key, 'free_at', 'paused_until', 'judged_from')
local sent_at = now - age_ms
note_sent(gateway, 'busy', sent_at)
note_heard(gateway, 'busy', 0, now)
count('slowed:' .. gateway)
write(key, 'paused_until', math.max(paused_until, now + wait_ms))
local from = math.max(judged_from, sent_at - WINDOW_MS)
if sent_at - from >= SEEN_MS then
  write(key, 'cut_to', cut(from, sent_at))
  write(key, 'cut_at', now + wait_ms)
  write(key, 'judged_from', math.max(now + wait_ms, free_at) + SETTLED_MS)
end
redis.call('PEXPIRE', key, math.ceil(600000 + wait_ms))
return 0
