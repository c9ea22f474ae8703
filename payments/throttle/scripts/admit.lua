-- May this payment be charged now? Circuit, slots and rate in one step: all are taken, or none.
local gateway, operator, holder, rank = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local lease_ms, per_second, most, most_of_all = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local probe_ms, lead_ms, gateways = tonumber(ARGV[9]), tonumber(ARGV[10]), {}
for index = 11, #ARGV do gateways[#gateways + 1] = ARGV[index] end
local now = server_now()

local function refuse(reason, wait_ms)
  count('postponed:' .. gateway .. ':' .. reason)
  return {reason, math.ceil(wait_ms), '', 0}
end

local own_slots = slots_key(gateway, 'charge')
local held_until = redis.call('ZSCORE', own_slots, holder)
if held_until and tonumber(held_until) > now then return {'held', 0, '', 0} end

local probes = {}
for _, key in ipairs({circuit_key(gateway, ''), operator ~= '' and circuit_key(gateway, operator) or nil}) do
  local answer = ask_circuit(key, now)
  if answer == 'probe' then probes[#probes + 1] = key
  elseif answer > 0 then return refuse('circuit', answer) end
end

-- Both are asked, so that both know who wants something.
local is_own_full, room = is_gateway_full(gateway, 'charge', most, now), room_among_all(gateway, gateways, most_of_all, now)
local mine, asked = in_use(own_slots, now), in_use(slots_key(gateway, 'question'), now)
local yields = must_yield(gateway, rank, mine, math.min(room, most - asked), now)
local is_full_for_all = in_use(ALL_SLOTS, now) >= most_of_all or mine >= room
if is_own_full or is_full_for_all or yields then
  note_turned_away(gateway, rank, now)
  return refuse(is_own_full and 'gateway_slots' or is_full_for_all and 'slots' or 'turn', 500)
end

local at, place = find_place(gateway, 'charge', rank, per_second, lead_ms, now)
if not at then return refuse('rate', place) end

take_place(place)
local ends_at = string.format('%.3f', at + lease_ms)
take_slot(own_slots, holder, ends_at)
take_slot(ALL_SLOTS, holder, ends_at)
note_turn(gateway, rank)
note_peak(gateway, mine + 1, now)
note_pace(gateway, now)
for _, key in ipairs(probes) do begin_probe(key, holder, at + probe_ms) end
count('admitted:' .. gateway)
return {'go', math.ceil(at - now), ends_at, may_be_late(place, per_second, now)}
