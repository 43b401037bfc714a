-- Run in the editor before `setup`: a language server inside the editor's process whose answers the
-- test chooses. A model's answers cannot be chosen, and a late answer cannot be timed.
--
-- `Items` are the items of the next answers. While `Held` is a table, answers are collected in it
-- instead of being sent. `Cancelled` counts cancellations, and `Rested` collects the cursor
-- notifications. `NextEdit` is the next edit of every text, `AskAgain` sends the notification of that
-- name, and `Offered` are the client's capabilities.

Items, Held, Cancelled, Rested, Paused = {}, nil, 0, {}, false
NextEdit, Offered = nil, nil
local dispatchers

function AskAgain(params)
  dispatchers.notification('$/lowkey/askAgain', params)
end

local function request(method, params, answer)
  if method == 'initialize' then
    Offered = params.capabilities
    answer(nil, { capabilities = {
      textDocumentSync = 1, inlineCompletionProvider = true, positionEncoding = Encoding,
      executeCommandProvider = { commands = { 'lowkey.accept' } },
    } })
  elseif method == 'textDocument/inlineCompletion' then
    local result = { items = Items }
    if Held then
      table.insert(Held, function() answer(nil, result) end)
    else
      answer(nil, result)
    end
  elseif method == '$/lowkey/nextEdit' then
    answer(nil, { edits = { NextEdit } })
  elseif method == '$/lowkey/status' then
    answer(nil, { state = 'ready', model = 'none', message = '', paused = Paused })
  elseif method == 'workspace/executeCommand' then
    Accepted = params.arguments[1]
    answer(nil, vim.NIL)
  else
    answer(nil, vim.NIL)
  end
end

function Answering(theirs)
  dispatchers = theirs
  local n = 0
  return {
    request = function(method, params, answer, ended)
      n = n + 1
      local id = n
      -- As from a server's process: first the request is no longer pending, then its answer is handled.
      request(method, params, function(err, result)
        vim.schedule(function()
          if ended then ended(id) end
          answer(err, result)
        end)
      end)
      return true, id
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
