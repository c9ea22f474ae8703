-- How an accepted charge ended, as far as its operator is concerned.
local gateway, operator, outcome = ARGV[1], ARGV[2], ARGV[3]
local limits = {window_ms = tonumber(ARGV[4]), least = tonumber(ARGV[5]), open_ms = tonumber(ARGV[6]),
  probe_ms = tonumber(ARGV[7])}
return note_verdict(circuit_key(gateway, operator), server_now(), outcome, limits)
