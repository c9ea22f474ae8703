-- The gateway says "too many": nobody calls it for a while, and then more slowly for a minute.
local gateway, wait_ms = ARGV[1], tonumber(ARGV[2])
local key, now = rate_key(gateway), server_now()
local slowness, slowed_at, paused_until = read(key, 'slowness', 'slowed_at', 'paused_until')
if paused_until <= now then  -- a crowd that hears it at once has heard it once
  slowness = math.max(0, slowness - (now - slowed_at) / RECOVERS_MS)
  write(key, 'slowness', math.min(0.9, slowness + (1 - slowness) / 2))
  write(key, 'slowed_at', now)
end
write(key, 'paused_until', math.max(paused_until, now + wait_ms))
redis.call('PEXPIRE', key, math.ceil(600000 + wait_ms))
count('slowed:' .. gateway)
return 0
