-- Beacons of visitors of many networks, at a steady pace: one every few milliseconds on each connection.
-- Arguments: the form's key, milliseconds between two.
local number, key, pause = 0, "", 5

function init(arguments)
  key, pause = arguments[1], tonumber(arguments[2])
end

function delay()
  return pause
end

function request()
  number = number + 1
  local kind = ({"view", "start", "submit"})[number % 3 + 1]
  local body = string.format(
    '{"form":"%s","version":1,"visit":"visit-%012d","page":"https://www.example.com/contact",' ..
    '"touch":{"utm_source":"google","utm_campaign":"brand"},"events":[{"kind":"%s","ms":200}]}',
    key, math.floor(number / 3), kind)
  local headers = {
    ["Content-Type"] = "text/plain", ["Accept-Language"] = "de",
    ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ["X-Forwarded-For"] = string.format("10.%d.%d.1", math.floor(number / 240) % 240, number % 240)
  }
  return wrk.format("POST", nil, headers, body)
end
