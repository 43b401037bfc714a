-- Run in the editor before `setup`: a language server inside the editor's process whose answers the
-- test chooses. A model's answers cannot be chosen, and a late answer cannot be timed.
--
-- `Items` are the items of the next answers. While `Held` is a table, answers are collected in it
-- instead of being sent. `Cancelled` counts cancellations, and `Rested` collects the cursor
-- notifications.

Items, Held, Cancelled, Rested, Paused = {}, nil, 0, {}, false

local function request(method, params, answer)
  if method == 'initialize' then
    answer(nil, { capabilities = {
      textDocumentSync = 1, inlineCompletionProvider = true, positionEncoding = Encoding,
      executeCommandProvider = { commands = { 'lowkey.accept' } },
    } })
  elseif method == 'textDocument/inlineCompletion' then
    local result = { items = Items }
    if Held then
      table.insert(Held, function() answer(nil, result) end)
    else
      vim.schedule(function() answer(nil, result) end)
    end
  elseif method == '$/lowkey/status' then
    answer(nil, { state = 'ready', model = 'none', message = '', paused = Paused })
  elseif method == 'workspace/executeCommand' then
    Accepted = params.arguments[1]
    answer(nil, vim.NIL)
  else
    answer(nil, vim.NIL)
  end
end

function Answering()
  local n = 0
  return {
    request = function(method, params, answer)
      n = n + 1
      request(method, params, answer)
      return true, n
    end,
    notify = function(method, params)
      if method == '$/cancelRequest' then Cancelled = Cancelled + 1 end
      if method == '$/lowkey/cursor' then table.insert(Rested, params) end
      return true
    end,
    is_closing = function() return false end,
    terminate = function() end,
  }
end
