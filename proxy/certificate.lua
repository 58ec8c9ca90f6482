--[[
  Takes up a certificate that was renewed, in the HAProxy that runs: streams stay, and handshakes from then on are shown the new one.
  For who watches, the table `figures` is told when the one in use ends, and whether the one in the file cannot be used.

  Told by the environment, for HAProxy 2.6 passes no arguments:
    CERTIFICATE_FILE     as `bind … crt` names it: certificate, chain and key, or the key beside it under the same name and `.key`
    CERTIFICATE_SOCKET   of `stats socket … level admin`
    CERTIFICATE_EVERY_S  seconds from one look to the next

  A reload would do it too, but the streams of the process before it end with `hard-stop-after`.
]]
local certificate = os.getenv("CERTIFICATE_FILE")
local socket = os.getenv("CERTIFICATE_SOCKET")
local seconds = tonumber(os.getenv("CERTIFICATE_EVERY_S"))

-- Of an answer on our own socket.
local TIMEOUT_S = 5

local function text_of(path)
  local file = io.open(path, "r")
  if file == nil then return "" end
  local text = file:read("a")
  file:close()
  return text
end

-- A blank line would end what the socket is told. While a Secret is replaced the two files may be of two certificates: HAProxy
-- refuses that, and the next look finds both.
local function bundle()
  local text = text_of(certificate) .. "\n" .. text_of(certificate .. ".key")
  return (text:gsub("\r", ""):gsub("\n%s*\n+", "\n"))
end

local function ask(command)
  local control = core.tcp()
  control:settimeout(TIMEOUT_S)
  if control:connect("unix@" .. socket) == nil then return "" end
  control:send(command .. "\n")
  local answer = control:receive("*a")
  control:close()
  return answer or ""
end

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- Days from 1970-01-01, of the calendar whose years begin in March: os.time would take the local time zone's.
local function days_to(year, month, day)
  local shifted = month > 2 and year or year - 1
  local of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  return shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + of_year - 719468
end

-- Seconds since 1970, of `notAfter: Dec  8 22:10:02 2026 GMT`; 0 when it is not said.
local function end_of(description)
  local month, day, hour, minute, second, year =
    description:match("notAfter: (%a%a%a) +(%d+) (%d+):(%d+):(%d+) (%d+) GMT")
  if month == nil then return 0 end
  local days = days_to(tonumber(year), MONTHS[month], tonumber(day))
  return days * 86400 + tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second)
end

local function tell(figure, value)
  ask(string.format("set table figures key %s data.gpc0 %d", figure, value))
end

-- Read before HAProxy reads it: what changes in between is told once too often, and not once too few.
local taken = bundle()
local refused = ""

local function look()
  local now = bundle()
  if now ~= taken then
    ask("set ssl cert " .. certificate .. " <<\n" .. now .. "\n")
    local answer = ask("commit ssl cert " .. certificate)
    if answer:find("Success!", 1, true) then
      taken = now
      core.Info("The certificate was renewed.")
    else
      ask("abort ssl cert " .. certificate)
      if now ~= refused then core.Warning("The certificate in the file cannot be used, and the one before it stays.") end
      refused = now
    end
  end
  tell("unusable", now == taken and 0 or 1)
  tell("expires", end_of(ask("show ssl cert " .. certificate)))
end

core.register_task(function()
  -- A process that a reload has replaced only keeps its streams; the socket is the new one's.
  while core.get_info()["Stopping"] ~= "1" do
    look()
    core.sleep(seconds)
  end
end)
