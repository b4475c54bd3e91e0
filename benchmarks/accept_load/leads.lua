-- Posts leads, each of another person, without waiting for the CRM.
local thread_count = 0
function setup(thread)
  thread_count = thread_count + 1
  thread:set("number", thread_count)
end
function init(args)
  sent = 0
  run = args[1] or "0"
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Prefer"] = "respond-async"
end
function request()
  sent = sent + 1
  local who = run .. "." .. number .. "." .. sent
  wrk.headers["Idempotency-Key"] = who
  return wrk.format(nil, nil, nil, '{"email":"ada.' .. who .. '@example.com","name":"Ada Lovelace",' ..
    '"phone":"+49 30 1234567","company":"Analytical Engines","message":"Please call me back about the offer",' ..
    '"utm_source":"newsletter"}')
end
