-- May this payment be charged now? Circuit, slots and rate in one step: all are taken, or none.
local gateway, operator, holder = ARGV[1], ARGV[2], ARGV[3]
local lease_ms, per_second, most, most_of_all = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local probe_ms, gateways = tonumber(ARGV[8]), {}
for index = 9, #ARGV do gateways[#gateways + 1] = ARGV[index] end
local now = server_now()

local function refuse(reason, wait_ms)
  count('postponed:' .. gateway .. ':' .. reason)
  return {reason, math.ceil(wait_ms), ''}
end

local own_slots = slots_key(gateway, 'charge')
local held_until = redis.call('ZSCORE', own_slots, holder)
if held_until and tonumber(held_until) > now then return {'held', 0, ''} end

local probes = {}
for _, key in ipairs({circuit_key(gateway, ''), operator ~= '' and circuit_key(gateway, operator) or nil}) do
  local answer = ask_circuit(key, now)
  if answer == 'probe' then probes[#probes + 1] = key
  elseif answer > 0 then return refuse('circuit', answer) end
end

-- Both are asked, so that both know who wants something.
local is_own_full, is_full_for_all = is_gateway_full(gateway, 'charge', most, now),
  is_all_full(gateway, gateways, most_of_all, now)
if is_own_full then return refuse('gateway_slots', 500) end
if is_full_for_all then return refuse('slots', 500) end

local at, place = find_place(gateway, 'charge', per_second, now)
if not at then return refuse('rate', place) end

take_place(place)
local ends_at = string.format('%.3f', at + lease_ms)
take_slot(own_slots, holder, ends_at)
take_slot(ALL_SLOTS, holder, ends_at)
for _, key in ipairs(probes) do begin_probe(key, holder, at + probe_ms) end
count('admitted:' .. gateway)
return {'go', math.ceil(at - now), ends_at}
