-- A supervisor says that it lives, and hears how long ago each one last did.
--   KEYS  1 supervisors (hash: name -> epoch and time in ms; and `:epochs`, the last epoch that was given)
--   ARGV  1 its name, or '' to only ask   2 its epoch, or 0 for a new incarnation
-- Returns its epoch, then name and age in ms of each, as they were before; -1 when there is a newer incarnation of it.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local name, epoch = ARGV[1], tonumber(ARGV[2])
local answer, newest = {epoch}, 0
local known = redis.call('HGETALL', KEYS[1])
for i = 1, #known, 2 do
  if known[i] ~= ':epochs' then
    local its_epoch, at = string.match(known[i + 1], '^(%d+) (%d+)$')
    answer[#answer + 1] = known[i]
    answer[#answer + 1] = math.max(0, now - tonumber(at))
    if known[i] == name then
      newest = tonumber(its_epoch)
    end
  end
end
if name == '' then
  return answer
end
if epoch == 0 then
  epoch = redis.call('HINCRBY', KEYS[1], ':epochs', 1)
  answer[1] = epoch
elseif newest > epoch then
  return {-1}
end
redis.call('HSET', KEYS[1], name, string.format('%d %.0f', epoch, now))
return answer
