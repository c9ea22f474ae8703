-- The circuit of a gateway, or of one operator at it. Closed: outcomes are counted in tenths of the window. Open until
-- `open_until`. After that one call is let through, the probe: its success closes the circuit, its failure opens it
-- again. A probe that never comes back makes room for the next one at `probe_until`.
local PARTS = 10
local KEPT_MS = 3600000
local LOOK_AGAIN_MS = 2000

local function circuit_key(gateway, operator)
  return PREFIX .. 'circuit:' .. gateway .. (operator ~= '' and ':' .. operator or '')
end

-- 0: closed. 'probe': this call would be the probe. Else how long to stay away.
local function ask_circuit(key, now)
  local open_until, probe_until, is_undecided = read(key, 'open_until', 'probe_until', 'is_undecided')
  if open_until == 0 then return 0 end
  if now < open_until then return open_until - now end
  if now < probe_until then return math.min(probe_until - now, LOOK_AGAIN_MS) end
  if is_undecided == 1 then  -- the probe was accepted, and nothing bad was heard of it since
    redis.call('DEL', key)
    return 0
  end
  return 'probe'
end

local function begin_probe(key, holder, until_ms)
  redis.call('HSET', key, 'prober', holder)
  write(key, 'probe_until', until_ms)
end

local function open_circuit(key, open_until)
  redis.call('DEL', key)
  write(key, 'open_until', open_until)
  redis.call('PEXPIRE', key, KEPT_MS)
end

local function counted(key, now, window_ms)
  local oldest, good, bad = math.floor(now / (window_ms / PARTS)) - PARTS, 0, 0
  local fields = redis.call('HGETALL', key)
  for index = 1, #fields, 2 do
    local kind, part = string.match(fields[index], '^(%a+):(%d+)$')
    if kind and tonumber(part) <= oldest then redis.call('HDEL', key, fields[index])
    elseif kind == 'good' then good = good + fields[index + 1]
    elseif kind == 'bad' then bad = bad + fields[index + 1] end
  end
  return math.max(0, good), bad
end

-- Count `good` and `bad` more; good may be negative: what was taken for a success turned out to be none.
local function count_outcome(key, now, good, bad, limits)
  local part = math.floor(now / (limits.window_ms / PARTS))
  if good ~= 0 then redis.call('HINCRBY', key, 'good:' .. part, good) end
  if bad ~= 0 then redis.call('HINCRBY', key, 'bad:' .. part, bad) end
  redis.call('PEXPIRE', key, math.ceil(2 * limits.window_ms))
  local goods, bads = counted(key, now, limits.window_ms)
  if goods + bads < limits.least or bads <= goods then return '' end
  open_circuit(key, now + limits.open_ms)
  return 'opened'
end

-- How a call ended: 'good', 'bad', or 'none' when it says nothing about the other side's health. `waits`: a good answer
-- of the probe is not the last word, the verdict is. Returns 'opened' or 'closed' when the circuit changed.
local function note_outcome(key, now, holder, outcome, waits, limits)
  local open_until, probe_until = read(key, 'open_until', 'probe_until')
  if open_until == 0 then
    if outcome == 'none' then return '' end
    return count_outcome(key, now, outcome == 'good' and 1 or 0, outcome == 'bad' and 1 or 0, limits)
  end
  if now < open_until or redis.call('HGET', key, 'prober') ~= holder then return '' end
  if outcome == 'none' then
    redis.call('HDEL', key, 'prober', 'probe_until')
  elseif outcome == 'bad' then
    open_circuit(key, now + limits.open_ms)
    return 'opened'
  elseif waits then
    redis.call('HSET', key, 'is_undecided', 1)
    write(key, 'probe_until', now + limits.probe_ms)
  else
    redis.call('DEL', key)
    return 'closed'
  end
  return ''
end

-- What became of a call that had been taken for good.
local function note_verdict(key, now, outcome, limits)
  local open_until, is_undecided = read(key, 'open_until', 'is_undecided')
  if open_until == 0 then
    return outcome == 'bad' and count_outcome(key, now, -1, 1, limits) or ''
  end
  if is_undecided == 0 then return '' end
  if outcome == 'bad' then open_circuit(key, now + limits.open_ms) else redis.call('DEL', key) end
  return outcome == 'bad' and 'opened' or 'closed'
end
