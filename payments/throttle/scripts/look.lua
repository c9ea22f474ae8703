-- What was heard of a gateway during the last so many milliseconds: taken, busy, ill, and how long the taken ones took.
local gateway, window_ms = ARGV[1], tonumber(ARGV[2])
local now, sums = server_now(), {0, 0, 0, 0}
for part = math.floor((now - window_ms) / HEARD_PART_MS), math.floor(now / HEARD_PART_MS) do
  local found = {read(heard_key(gateway, part), 'taken', 'busy', 'ill', 'took_ms')}
  for index = 1, 4 do sums[index] = sums[index] + found[index] end
end
return sums
