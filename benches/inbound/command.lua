-- wrk: each request is a `/p0 request postgres` of one known person, with a fresh trigger id, signed as Slack signs.
-- Environment: SLACK_SIGNING_SECRET. The HMAC is libcrypto's, through LuaJIT.
local ffi = require("ffi")
ffi.cdef [[
const void *EVP_sha256(void);
unsigned char *HMAC(const void *md, const void *key, int key_len, const unsigned char *data, size_t n, unsigned char *out, unsigned int *len);
]]
local crypto
for _, name in ipairs({ "libcrypto.so.3", "libcrypto.so.1.1", "crypto" }) do
  local found, library = pcall(ffi.load, name)
  if found then crypto = library break end
end
local secret = os.getenv("SLACK_SIGNING_SECRET")
local digest, length = ffi.new("unsigned char[32]"), ffi.new("unsigned int[1]")
local hex = {}
for byte = 0, 255 do hex[byte] = string.format("%02x", byte) end

local function sign(at, body)
  local text = "v0:" .. at .. ":" .. body
  crypto.HMAC(crypto.EVP_sha256(), secret, #secret, ffi.cast("const unsigned char *", text), #text, digest, length)
  local out = {}
  for place = 0, 31 do out[place + 1] = hex[digest[place]] end
  return "v0=" .. table.concat(out)
end

local threads = 0
function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

local before = "token=unused&team_id=T0P0DEMO&team_domain=p0-demo&channel_id=C0ACCESS&channel_name=access&user_id=U0ALICE&user_name=alice"
  .. "&command=%2Fp0&text=request+postgres&api_app_id=A0P0DEMO&is_enterprise_install=false"
  .. "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT0P0DEMO%2F1%2Fx&trigger_id=13345224609.738474920."
local headers = {
  ["Content-Type"] = "application/x-www-form-urlencoded",
  ["User-Agent"] = "Slackbot 1.0 (+https://api.slack.com/robots)",
  ["Accept"] = "application/json,*/*",
}
local count, run = 0, os.getenv("RUN") or "0"

function request()
  count = count + 1
  local body = before .. string.format("%s%02d%016x", run, id, count)
  local at = tostring(os.time())
  headers["X-Slack-Request-Timestamp"] = at
  headers["X-Slack-Signature"] = sign(at, body)
  return wrk.format("POST", "/slack/commands", headers, body)
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('JSON {"requests":%d,"seconds":%.3f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"bytes":%d,"bad_status":%d,"broken":%d,"timeouts":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000, summary.bytes,
    e.status, e.connect + e.read + e.write, e.timeout))
end
