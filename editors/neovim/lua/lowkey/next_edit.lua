--- The next edit: a change that the user has made, at another place of the buffer. It is asked for
--- when the text rests after a change, shown where it belongs, and accepted in two steps: a jump
--- to its line, then the change. While ghost text or a menu is visible, and while text is selected,
--- it is held back.
local client_of = require('lowkey.client')
local api = vim.api

local M = {}

--- Quiet time after a change. The server waits until the last edit is 150 ms old.
local REST_MS = 200

local space = api.nvim_create_namespace('lowkey.next_edit')
local timer
local request
--- `bufnr`, `edit`, `encoding`, `row`, `from` and `to` of its first line, from 0 and in bytes, and
--- whether it `is_drawn`.
local offer
--- The visible ghost text; set by `setup`.
local ghost = function() end

local function hide()
  if api.nvim_buf_is_valid(offer.bufnr) then api.nvim_buf_clear_namespace(offer.bufnr, space, 0, -1) end
  offer.is_drawn = false
end

local function clear()
  if offer then hide() end
  offer = nil
end

--- Whether nothing else is shown at the cursor, and no text is selected.
local function is_free()
  local mode = api.nvim_get_mode().mode:sub(1, 1)
  if mode == 'n' then return true end
  return mode == 'i' and vim.fn.pumvisible() == 0 and not ghost()
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
  local bufnr, range = offer.bufnr, offer.edit.range
  local last = range['end'].line
  local new = vim.split(offer.edit.text, '\n', { plain = true })
  api.nvim_buf_set_extmark(bufnr, space, offer.row, offer.from, {
    end_row = last,
    end_col = bytes(line_of(bufnr, last), range['end'].character, offer.encoding),
    hl_group = 'LowkeyNextEditOld',
  })
  local below = vim.tbl_map(function(line) return { { line, 'LowkeyNextEditNew' } } end, vim.list_slice(new, 2))
  api.nvim_buf_set_extmark(bufnr, space, offer.row, offer.to, {
    virt_text = { { new[1], 'LowkeyNextEditNew' } },
    virt_text_pos = 'inline',
    virt_lines = #below > 0 and below or nil,
  })
  -- A place outside of the window is named at the cursor.
  if offer.row + 1 < vim.fn.line('w0') or offer.row + 1 > vim.fn.line('w$') then
    api.nvim_buf_set_extmark(bufnr, space, api.nvim_win_get_cursor(0)[1] - 1, 0, {
      virt_text = { { ('  next edit: line %d'):format(offer.row + 1), 'LowkeyNextEditHint' } },
      virt_text_pos = 'eol',
    })
  end
  offer.is_drawn = true
end

--- Draws what is on offer where the window and the cursor now are, or holds it back.
function M.redraw()
  if not offer then return end
  hide()
  if offer.bufnr == api.nvim_get_current_buf() and is_free() then draw() end
end

local function take_up(bufnr, client, edit)
  local from, to = edit.range.start, edit.range['end']
  local line = line_of(bufnr, from.line)
  offer = {
    bufnr = bufnr,
    edit = edit,
    encoding = client.offset_encoding,
    row = from.line,
    from = bytes(line, from.character, client.offset_encoding),
    to = to.line == from.line and bytes(line, to.character, client.offset_encoding) or #line,
  }
  M.redraw()
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
    local edit = type(result) == 'table' and result.edits and result.edits[1]
    if not edit or bufnr ~= api.nvim_get_current_buf() or tick ~= vim.b[bufnr].changedtick then return end
    clear()
    take_up(bufnr, client, edit)
  end, bufnr)
end

--- What is shown: the buffer, the row from 1, the new text; nil where nothing is.
function M.shown()
  return offer and offer.is_drawn and { bufnr = offer.bufnr, row = offer.row + 1, text = offer.edit.text } or nil
end

--- Jumps to the next edit, or accepts it where the cursor is in its line; false where there is none.
function M.accept()
  if not offer or not offer.is_drawn or offer.bufnr ~= api.nvim_get_current_buf() then return false end
  if api.nvim_win_get_cursor(0)[1] ~= offer.row + 1 then
    vim.cmd("normal! m'")
    api.nvim_win_set_cursor(0, { offer.row + 1, offer.from })
    M.redraw()
    return true
  end
  local bufnr, edit, encoding = offer.bufnr, offer.edit, offer.encoding
  local row, from = offer.row, offer.from
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
  if not offer then return false end
  local client = client_of.get(offer.bufnr)
  local command = { command = 'lowkey.dismiss', arguments = offer.edit.command.arguments }
  if client then client_of.run(client, command, offer.bufnr) end
  clear()
  return true
end

--- Starts; `visible_ghost` returns the ghost text of the current buffer.
function M.setup(visible_ghost)
  ghost = visible_ghost
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
  -- LspRequest: an answer may show ghost text. Scheduled, so that it is drawn by then.
  local again = { 'CursorMoved', 'CursorMovedI', 'WinScrolled', 'ModeChanged', 'CompleteChanged', 'CompleteDone', 'LspRequest' }
  api.nvim_create_autocmd(again, {
    group = group,
    callback = function()
      if offer then vim.schedule(M.redraw) end
    end,
  })
end

return M
