-- A supervisor takes a run, whoever held it.
--   KEYS  1 owner (string: epoch and name)
--   ARGV  1 its name   2 its epoch   3 for how long, in ms
-- Returns 1, or 0 when a newer incarnation of the same name holds it.
local held = redis.call('GET', KEYS[1])
if held then
  local epoch, name = string.match(held, '^(%d+) (.*)$')
  if name == ARGV[1] and tonumber(epoch) > tonumber(ARGV[2]) then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[1], 'PX', ARGV[3])
return 1
