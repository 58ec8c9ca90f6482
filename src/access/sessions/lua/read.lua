#!lua flags=no-writes
-- read: the texts under these names.
--
-- KEYS[i]  names
--
-- Answer   for each the text, or nil

local texts = {}
for i, name in ipairs(KEYS) do
  texts[i] = redis.call('GET', name)
end
return texts
