-- What all scripts share: the server's time in milliseconds, and how numbers are kept (Lua's own way loses digits).
local PREFIX = KEYS[1]

local function server_now()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

local function read(key, ...)
  local values = redis.call('HMGET', key, ...)
  for index = 1, #values do values[index] = tonumber(values[index] or 0) end
  return unpack(values)
end

local function write(key, field, number)
  redis.call('HSET', key, field, string.format('%.3f', number))
end

-- After this long nothing is left of what was promised before Redis lost its memory.
local LONGEST_LINE_MS = 1500

-- The first moment for which a promise may be made: a Redis that begins, or was wiped, does not know the last ones.
local function begins_at(now)
  local begun = redis.call('GET', PREFIX .. 'begun')
  if not begun then
    begun = string.format('%.3f', now)
    redis.call('SET', PREFIX .. 'begun', begun)
  end
  return tonumber(begun) + LONGEST_LINE_MS
end

local function count(what)
  redis.call('HINCRBY', PREFIX .. 'counts', what, 1)
end
