-- A question has its answer: its slot is free, and what was heard is counted.
local gateway, side, holder = ARGV[1], ARGV[2], ARGV[3]
redis.call('ZREM', slots_key(gateway, side), holder)
note_all_heard(gateway, 4, server_now())
return 0
