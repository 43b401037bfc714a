--- Sends the server where the cursor rests, so that it computes the prompt there before the first
--- key. Nothing is sent while the cursor moves, while text is selected, or where lowkey is silent.
local client_of = require('lowkey.client')
local status = require('lowkey.status')
local api = vim.api

local M = {}

--- Quiet time until the cursor rests. Shorter, and scrolling through a file would cost battery.
local REST_MS = 300

local timer
--- The place that was told last.
local told

local function send()
  if client_of.setting('prefill_at_cursor') == false then return end
  local mode = api.nvim_get_mode().mode:sub(1, 1)
  if mode ~= 'n' and mode ~= 'i' then return end
  local bufnr = api.nvim_get_current_buf()
  local client = client_of.get(bufnr)
  local state = status.get(bufnr).state
  if not client or (state ~= 'ready' and state ~= 'loading') then return end
  local params = client_of.place(client)
  local here = { client.id, vim.b[bufnr].changedtick, params }
  if vim.deep_equal(here, told) then return end
  told = here
  client_of.notify(client, '$/lowkey/cursor', params)
end

function M.setup()
  timer = timer or assert(vim.uv.new_timer())
  timer:stop()
  told = nil
  local on_rest = vim.schedule_wrap(send)
  local function moved() timer:start(REST_MS, 0, on_rest) end
  local group = api.nvim_create_augroup('lowkey.cursor', {})
  -- LspAttach: a file that was just opened is entered before the server knows it.
  api.nvim_create_autocmd({ 'CursorMoved', 'CursorMovedI', 'BufEnter', 'InsertEnter', 'LspAttach' }, {
    group = group,
    callback = moved,
  })
end

return M
