-- A charge has ended: its slots are free, the circuits hear of it, and what the gateway answered is counted.
local gateway, operator, holder, ends_at, outcome = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local limits = {window_ms = tonumber(ARGV[6]), least = tonumber(ARGV[7]), open_ms = tonumber(ARGV[8]),
  probe_ms = tonumber(ARGV[9])}
local now = server_now()

note_all_heard(gateway, 10, now)
give_back_slot(slots_key(gateway, 'charge'), holder, ends_at)
give_back_slot(ALL_SLOTS, holder, ends_at)
local changed = {note_outcome(circuit_key(gateway, ''), now, holder, outcome, false, limits), ''}
if operator ~= '' then
  changed[2] = note_outcome(circuit_key(gateway, operator), now, holder, outcome, true, limits)
end
return changed
