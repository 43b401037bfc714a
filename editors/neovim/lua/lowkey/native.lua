--- Ghost text as Neovim 0.12 draws it: `vim.lsp.inline_completion`, configured, and no more.
---
--- Neovim inserts a suggestion at the place of its request; characters typed since then would stay
--- after it. So this file inserts the text, over what the line has when the key is pressed.
local client_of = require('lowkey.client')
local api = vim.api

local M = {}

--- What is left of an item, and up to which byte of the line it reaches; nil when the line
--- contradicts it.
local function rest_of(item)
  local row, column = unpack(api.nvim_win_get_cursor(0))
  local line = api.nvim_get_current_line()
  local item_row, first, _, last = row - 1, column, nil, column
  if item.range then item_row, first, _, last = item.range:to_extmark() end
  local typed = line:sub(first + 1, column)
  if item_row ~= row - 1 or not vim.startswith(item.insert_text, typed) then return nil end
  -- lowkey's range is empty, or it reaches the end of the line.
  local reaches = last > first and #line or column
  return item.insert_text:sub(#typed + 1), reaches - column
end

function M.accept(piece, otherwise)
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      local client = vim.lsp.get_client_by_id(item.client_id)
      if not client or client.name ~= client_of.NAME or type(item.insert_text) ~= 'string' then return item end
      local rest, covered = rest_of(item)
      if not rest or rest == '' then
        otherwise()
        return nil
      end
      local taken = piece(rest)
      local whole = taken == rest
      client_of.insert(taken, whole and covered or 0)
      if whole and item.command then client_of.run(client, item.command, api.nvim_get_current_buf()) end
    end,
  })
end

function M.shown()
  local space = api.nvim_create_namespace('nvim.lsp.inline_completion')
  local mark = api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })[1]
  if not mark then return nil end
  local lines = { mark[4].virt_text or {}, unpack(mark[4].virt_lines or {}) }
  local text = vim.tbl_map(function(chunks)
    return table.concat(vim.tbl_map(function(chunk) return chunk[1] end, chunks))
  end, lines)
  return table.concat(text, '\n')
end

function M.dismiss()
  local shown = M.shown() ~= nil
  local filter = { bufnr = api.nvim_get_current_buf() }
  -- Off and on again: the only way that there is.
  vim.lsp.inline_completion.enable(false, filter)
  vim.lsp.inline_completion.enable(true, filter)
  return shown
end

--- Neovim has no way to ask on purpose; it asks 200 ms after every key.
function M.ask()
  return false
end

--- Asks as after a key, 200 ms later: the events of other plugins' autocommands are not triggered.
function M.again(bufnr)
  pcall(api.nvim_exec_autocmds, 'TextChangedP', {
    group = ('nvim.lsp.inline_completion:%d'):format(bufnr),
    buffer = bufnr,
    modeline = false,
  })
end

function M.cycle(by)
  vim.lsp.inline_completion.select({ count = by })
  return M.shown() ~= nil
end

function M.attach(bufnr)
  vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
end

function M.setup() end

return M
