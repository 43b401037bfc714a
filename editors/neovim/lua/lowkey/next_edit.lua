--- The next edit: a change that the user has made, at another place of the buffer. It is asked for
--- when the text rests after a change, shown where it belongs, and accepted in two steps: a jump
--- to its line, then the change.
local client_of = require('lowkey.client')
local api = vim.api

local M = {}

--- Quiet time after a change. The server waits until the last edit is 150 ms old.
local REST_MS = 200

local space = api.nvim_create_namespace('lowkey.next_edit')
local timer
local request
--- `bufnr`, `edit`, `encoding`, and `row`, `from` and `to` of its first line, from 0 and in bytes.
local shown

local function clear()
  if shown and api.nvim_buf_is_valid(shown.bufnr) then
    api.nvim_buf_clear_namespace(shown.bufnr, space, 0, -1)
  end
  shown = nil
end

--- A column of the protocol in bytes.
local function bytes(line, column, encoding)
  if encoding == 'utf-8' then return math.min(column, #line) end
  if vim.fn.has('nvim-0.11') == 1 then return vim.str_byteindex(line, encoding, column, false) end
  local found, index = pcall(vim.str_byteindex, line, column, encoding == 'utf-16')
  return found and index or #line
end

local function line_of(bufnr, row)
  return api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
end

local function draw()
  local bufnr, range = shown.bufnr, shown.edit.range
  local last = range['end'].line
  local new = vim.split(shown.edit.text, '\n', { plain = true })
  api.nvim_buf_set_extmark(bufnr, space, shown.row, shown.from, {
    end_row = last,
    end_col = bytes(line_of(bufnr, last), range['end'].character, shown.encoding),
    hl_group = 'LowkeyNextEditOld',
  })
  local below = vim.tbl_map(function(line) return { { line, 'LowkeyNextEditNew' } } end, vim.list_slice(new, 2))
  api.nvim_buf_set_extmark(bufnr, space, shown.row, shown.to, {
    virt_text = { { new[1], 'LowkeyNextEditNew' } },
    virt_text_pos = 'inline',
    virt_lines = #below > 0 and below or nil,
  })
  -- A place outside of the window is named at the cursor.
  if shown.row + 1 < vim.fn.line('w0') or shown.row + 1 > vim.fn.line('w$') then
    api.nvim_buf_set_extmark(bufnr, space, api.nvim_win_get_cursor(0)[1] - 1, 0, {
      virt_text = { { ('  next edit: line %d'):format(shown.row + 1), 'LowkeyNextEditHint' } },
      virt_text_pos = 'eol',
    })
  end
end

local function show(bufnr, client, edit)
  local from, to = edit.range.start, edit.range['end']
  local line = line_of(bufnr, from.line)
  shown = {
    bufnr = bufnr,
    edit = edit,
    encoding = client.offset_encoding,
    row = from.line,
    from = bytes(line, from.character, client.offset_encoding),
    to = to.line == from.line and bytes(line, to.character, client.offset_encoding) or #line,
  }
  draw()
end

local function ask()
  local bufnr = api.nvim_get_current_buf()
  local client = client_of.get(bufnr)
  if not client or client_of.setting('next_edit') == 'off' then return end
  if request then client_of.cancel(client, request) end
  local params = client_of.place(client)
  params.textDocument.version = (vim.lsp.util.buf_versions or {})[bufnr]
  local tick = vim.b[bufnr].changedtick
  request = client_of.request(client, '$/lowkey/nextEdit', params, function(_, result)
    request = nil
    local edit = result and result.edits and result.edits[1]
    if not edit or bufnr ~= api.nvim_get_current_buf() or tick ~= vim.b[bufnr].changedtick then return end
    clear()
    show(bufnr, client, edit)
  end, bufnr)
end

--- What is shown: the buffer, the row from 1, the new text; nil where nothing is.
function M.shown()
  return shown and { bufnr = shown.bufnr, row = shown.row + 1, text = shown.edit.text }
end

--- Jumps to the next edit, or accepts it where the cursor is in its line; false where there is none.
function M.accept()
  if not shown or shown.bufnr ~= api.nvim_get_current_buf() then return false end
  if api.nvim_win_get_cursor(0)[1] ~= shown.row + 1 then
    vim.cmd("normal! m'")
    api.nvim_win_set_cursor(0, { shown.row + 1, shown.from })
    api.nvim_buf_clear_namespace(shown.bufnr, space, 0, -1)
    draw()
    return true
  end
  local bufnr, edit, encoding = shown.bufnr, shown.edit, shown.encoding
  local row, from = shown.row, shown.from
  clear()
  vim.cmd('let &l:undolevels = &l:undolevels')
  vim.lsp.util.apply_text_edits({ { range = edit.range, newText = edit.text } }, bufnr, encoding)
  local lines = vim.split(edit.text, '\n', { plain = true })
  api.nvim_win_set_cursor(0, { row + #lines, #lines[#lines] + (#lines == 1 and from or 0) })
  local client = client_of.get(bufnr)
  if client then client_of.run(client, edit.command, bufnr) end
  return true
end

--- Removes it, and tells the server that the user does not want it; false where there is none.
function M.dismiss()
  if not shown then return false end
  local client = client_of.get(shown.bufnr)
  local command = { command = 'lowkey.dismiss', arguments = shown.edit.command.arguments }
  if client then client_of.run(client, command, shown.bufnr) end
  clear()
  return true
end

function M.setup()
  api.nvim_set_hl(0, 'LowkeyNextEditOld', { link = 'DiffDelete', default = true })
  api.nvim_set_hl(0, 'LowkeyNextEditNew', { link = 'DiffAdd', default = true })
  api.nvim_set_hl(0, 'LowkeyNextEditHint', { link = 'Comment', default = true })
  timer = timer or assert(vim.uv.new_timer())
  timer:stop()
  local on_rest = vim.schedule_wrap(ask)
  local group = api.nvim_create_augroup('lowkey.next_edit', {})
  api.nvim_create_autocmd({ 'TextChanged', 'TextChangedI' }, {
    group = group,
    callback = function()
      clear()
      timer:start(REST_MS, 0, on_rest)
    end,
  })
  api.nvim_create_autocmd({ 'BufLeave', 'LspDetach' }, { group = group, callback = clear })
end

return M
