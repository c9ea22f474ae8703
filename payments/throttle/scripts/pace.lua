-- How many calls a second this gateway is sent now, in thousandths.
return math.floor(1000 * pace_now(rate_key(ARGV[1]), tonumber(ARGV[2]), server_now()))
