--- Asks for ghost text again when the server has a better answer for the same text and place. What
--- is shown already is never replaced.
local client_of = require('lowkey.client')
local api = vim.api

local M = {}

--- The notification of a server that knows that this client can ask again.
M.METHOD = '$/lowkey/askAgain'

--- Whether the notification is about the current buffer, its text and its cursor.
local function is_current(client, params)
  local bufnr = api.nvim_get_current_buf()
  local document = params.textDocument
  -- The server may escape other characters than Neovim.
  local name = vim.uri_to_fname(vim.uri_from_bufnr(bufnr))
  if vim.uri_to_fname(document.uri) ~= name then return false end
  if (vim.lsp.util.buf_versions or {})[bufnr] ~= document.version then return false end
  return vim.deep_equal(client_of.place(client).position, params.position)
end

--- Whether a request of the buffer is still to be answered; its answer will be the better one.
local function is_asking(client, bufnr)
  for _, request in pairs(client.requests) do
    local is_ours = request.method == 'textDocument/inlineCompletion' and request.bufnr == bufnr
    if is_ours and request.type == 'pending' then return true end
  end
  return false
end

--- Follows the notifications; `engine` draws, and `is_busy` returns whether a next edit is shown.
function M.setup(engine, is_busy)
  local function follow(_, params, context)
    local client = vim.lsp.get_client_by_id(context.client_id)
    -- Scheduled: the request that it is about ends after its answer was handled.
    vim.schedule(function()
      if not client or api.nvim_get_mode().mode ~= 'i' or not is_current(client, params) then return end
      local bufnr = api.nvim_get_current_buf()
      local is_free = not engine.shown() and not is_busy() and vim.fn.pumvisible() == 0
      if is_free and not is_asking(client, bufnr) then engine.again(bufnr) end
    end)
  end
  client_of.handle(M.METHOD, follow)
end

return M
