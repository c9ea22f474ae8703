-- May this one request leave? A charge holds its slot already (holder ''); a question takes one.
local gateway, side, holder = ARGV[1], ARGV[2], ARGV[3]
local lease_ms, per_second, most, lead_ms = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local now = server_now()

local has_slot = holder == '' or redis.call('ZSCORE', slots_key(gateway, side), holder)
if not has_slot and is_gateway_full(gateway, side, most, now) then return {'gateway_slots', 100, 0} end
local at, place = find_place(gateway, side, side == 'charge' and 'begun' or '', per_second, lead_ms, now)
if not at then return {'rate', math.ceil(place), 0} end

take_place(place)
if holder ~= '' then take_slot(slots_key(gateway, side), holder, string.format('%.3f', at + lease_ms)) end
count('requests:' .. gateway .. ':' .. side)
return {'go', math.ceil(at - now), may_be_late(place, per_second, now)}
