-- To be run in the editor before `setup`: a language server in the editor's own process, whose
-- answers the test gives. What a model says cannot be chosen, and a late answer not be timed.
--
-- `Items` is what the next requests are answered with; while `Held` is a table, the answers are kept
-- in it instead. `Cancelled` counts cancellations, `Rested` has what was told of the cursor.

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
