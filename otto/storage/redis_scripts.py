"""Every Lua script that Otto has Redis run: what must not be divided by somebody else's command.

They are sent by their hash, so two releases side by side run each their own, on the same keys. So
values say how they are laid out, and a script hands out none of another layout: what is written by
one release is nothing that the other would misread. The order of owners (epochs, leases) means the
same in every layout.
"""

from __future__ import annotations

SESSION_LAYOUT = "1"
"""Of a session's state. Another one is not read: the caller is greeted anew."""

# KEYS[1] session; ARGV[1] epoch wanted, ARGV[2] TTL in seconds, ARGV[3] clock skew, ARGV[4] layout.
# Returns {epoch, state or false, microseconds since it was written or false}. An opening from the
# past changes nothing, nor does one by the owner: its request was carried out late, after a write
# of its own. What is no hash of ours (the wrong type) is removed.
OPEN_SESSION = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local age = false
local written = tonumber(redis.call('HGET', KEYS[1], 'written') or '')
if written then
  local now = redis.call('TIME')
  age = string.format('%.0f', now[1] * 1000000 + now[2] - written)
end
local layout = redis.call('HGET', KEYS[1], 'layout')
local state = false
if not layout or layout == ARGV[4] then state = redis.call('HGET', KEYS[1], 'state') end
local newest = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0') or 0
local epoch = tonumber(ARGV[1])
if epoch <= newest then
  if epoch == newest or epoch < newest - tonumber(ARGV[3]) then return {epoch, state, age} end
  epoch = newest + 1
end
redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', epoch), 'sequence', 0)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {epoch, state, age}
"""

# KEYS[1] session; ARGV[1] epoch, ARGV[2] sequence of the write within the epoch, ARGV[3] state,
# ARGV[4] TTL in seconds, ARGV[5] the sender's clock, ARGV[6] clock skew, ARGV[7] layout. Returns 1,
# or 0 when fenced. A write that arrives after a later one of the same owner is dropped.
COMMIT_SESSION = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local newest = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0') or 0
local epoch = tonumber(ARGV[1])
if newest > epoch then return 0 end
if newest == epoch then
  local last = tonumber(redis.call('HGET', KEYS[1], 'sequence') or '0') or 0
  if last > tonumber(ARGV[2]) then return 1 end
end
local now = redis.call('TIME')
local written = math.min(now[1] * 1000000 + now[2], tonumber(ARGV[5]) + tonumber(ARGV[6]))
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'sequence', ARGV[2], 'state', ARGV[3],
  'written', string.format('%.0f', written), 'layout', ARGV[7])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""

# A copy is "<layout> <server> <JSON>". The server is the run id of the process that took it in: one
# that was restarted from its disk, or a replica that took over, may have missed a deletion, so what
# it has from before is not believed (https://redis.io/docs/latest/commands/info/, run_id). Where
# INFO is not allowed, nothing is believed, and nothing kept.
_PREFIX = """
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%x+)')
local prefix = server and (ARGV[1] .. ' ' .. server .. ' ')
"""

# KEYS: copy, lease; ARGV: layout, token, milliseconds of the lease. Returns {'copy', JSON};
# {'lease', ''}, which this token now is; or {'busy', ''}: somebody else has the lease. A copy of
# another layout, of another life of the server or of the wrong type is none; neither is a lease
# that would never end.
READ_COPY = (
    _PREFIX
    + """
local copy = redis.pcall('GET', KEYS[1])
if prefix and type(copy) == 'string' and string.sub(copy, 1, #prefix) == prefix then
  return {'copy', string.sub(copy, #prefix + 1)}
end
if redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then return {'lease', ''} end
if redis.call('PTTL', KEYS[2]) >= 0 then return {'busy', ''} end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return {'lease', ''}
"""
)

# KEYS: copy, lease; ARGV: layout, token, JSON, milliseconds of the copy. Returns 1, or 0 when the
# lease is another's by now, or was revoked.
FILL_COPY = (
    _PREFIX
    + """
if redis.pcall('GET', KEYS[2]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2])
if not prefix then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], prefix .. ARGV[3], 'PX', ARGV[4])
return 1
"""
)

# KEYS: lease; ARGV: token. Gives it back, so that the next reader need not wait for its end.
RELEASE_LEASE = """
if redis.pcall('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
