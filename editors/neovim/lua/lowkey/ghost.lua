--- Ghost text of our own, for Neovim 0.10 and 0.11, which have none: asks the server by
--- `textDocument/inlineCompletion`, draws with extmarks, and takes all or a part.
---
--- What is drawn always agrees with its line: a suggestion that the text
--- contradicts is dropped at that key, and a late answer that does not fit is never shown.
local client_of = require('lowkey.client')
local part = require('lowkey.part')
local api = vim.api

local M = {}

local namespace = api.nvim_create_namespace('lowkey')
local AUTOMATIC, INVOKED = 2, 1

--- Of each buffer: the suggestions, which one is shown, the question that is under way.
local states = {}
local debounce_ms = 75

local function state_of(bufnr)
  states[bufnr] = states[bufnr] or { suggestions = {}, index = 1 }
  return states[bufnr]
end

local function hide(bufnr)
  if api.nvim_buf_is_valid(bufnr) then api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1) end
end

local function inserting()
  return vim.startswith(api.nvim_get_mode().mode, 'i')
end

--- The cursor's row (from 0), its line, and the bytes before it.
local function place()
  local row, column = unpack(api.nvim_win_get_cursor(0))
  return row - 1, api.nvim_get_current_line(), column
end

--- The suggestion shown in the current buffer and what is left of it; nil where there is none.
local function current()
  local state = states[api.nvim_get_current_buf()]
  local suggestion = state and state.suggestions[state.index]
  if not suggestion then return nil end
  local row, line, column = place()
  local rest = row == suggestion.row and part.rest(suggestion, line, column) or nil
  if rest then return suggestion, rest, row, line, column end
end

local function draw(bufnr)
  hide(bufnr)
  local suggestion, rest, row, line, column = current()
  if not suggestion then return false end
  local lines = vim.split(rest, '\n', { plain = true })
  local tail, position = line:sub(column + 1), 'inline'
  if #lines == 1 and vim.endswith(rest, suggestion.covered) then
    -- Only the new text, between the text before the cursor and the text after it.
    lines[1] = rest:sub(1, #rest - #suggestion.covered)
  elseif tail ~= '' then
    -- The rest of the line moves: it is hidden here, and drawn at its new place.
    lines[#lines] = lines[#lines] .. tail:sub(#suggestion.covered + 1)
    local hidden = vim.fn.strdisplaywidth(tail) - vim.fn.strdisplaywidth(lines[1])
    lines[1] = lines[1] .. (' '):rep(math.max(hidden, 0))
    position = 'overlay'
  end
  local rows = vim.tbl_map(function(text) return { { text, 'LowkeyGhost' } } end, lines)
  local state = state_of(bufnr)
  if state.chosen and #state.suggestions > 1 then
    table.insert(rows[#rows], { (' (%d/%d)'):format(state.index, #state.suggestions), 'LowkeyGhostMore' })
  end
  api.nvim_buf_set_extmark(bufnr, namespace, row, column, {
    virt_text = rows[1],
    virt_lines = #rows > 1 and vim.list_slice(rows, 2) or nil,
    virt_text_pos = position,
    hl_mode = 'combine',
  })
  return true
end

local function stop_asking(state)
  if state.timer then
    state.timer:stop()
    state.timer:close()
    state.timer = nil
  end
  if state.asked then
    client_of.cancel(state.asked.client, state.asked.id)
    state.asked = nil
  end
end

--- Removes the suggestion and forgets the question under way.
local function drop(bufnr)
  local state = state_of(bufnr)
  stop_asking(state)
  state.suggestions, state.index, state.chosen = {}, 1, nil
  hide(bufnr)
end

--- The bytes before the position that a server calls `character` in `line`.
local function byte_column(line, character, encoding)
  if encoding == 'utf-8' then return math.min(character, #line) end
  if vim.fn.has('nvim-0.11') == 1 then return vim.str_byteindex(line, encoding, character, false) end
  local _, most = vim.str_utfindex(line)
  return vim.str_byteindex(line, math.min(character, most), true)
end

--- An item in terms of the line that it was asked for; nil where it cannot be drawn.
local function suggestion_of(item, client, row, line, column)
  local first, last = column, column
  if item.range then
    if item.range.start.line ~= row or item.range['end'].line ~= row then return nil end
    first = byte_column(line, item.range.start.character, client.offset_encoding)
    last = byte_column(line, item.range['end'].character, client.offset_encoding)
  end
  if first > column or last < column then return nil end
  return {
    row = row,
    text = line:sub(1, first) .. item.insertText:gsub('\r\n', '\n'),
    covered = line:sub(column + 1, last),
    tail = line:sub(column + 1),
    command = item.command,
    client = client,
  }
end

local function ask(bufnr, trigger)
  local client = client_of.get(bufnr)
  if not client or not inserting() or bufnr ~= api.nvim_get_current_buf() then return end
  local state = state_of(bufnr)
  stop_asking(state)
  local row, line, column = place()
  local params = client_of.place(client)
  params.context = { triggerKind = trigger }
  local question = { client = client }
  question.id = client_of.request(client, 'textDocument/inlineCompletion', params, function(err, result)
    -- Only the newest question's answer counts, and an error leaves what is shown.
    if state.asked ~= question then return end
    state.asked = nil
    if err or not result or not inserting() or bufnr ~= api.nvim_get_current_buf() then return end
    local suggestions = {}
    for _, item in ipairs(result.items or result) do
      suggestions[#suggestions + 1] = suggestion_of(item, client, row, line, column)
    end
    state.suggestions, state.index = suggestions, 1
    state.chosen = trigger == INVOKED or nil
    -- Typed on meanwhile, and not what it says: a newer question is on its way.
    if not draw(bufnr) then state.suggestions = {} end
  end, bufnr)
  state.asked = question.id and question or nil
end

--- At every key: what is shown follows or goes, and the next question waits for a moment of quiet.
local function follow(bufnr)
  local state = state_of(bufnr)
  if not draw(bufnr) then state.suggestions, state.chosen = {}, nil end
  stop_asking(state)
  if vim.fn.reg_executing() ~= '' then return end
  state.timer = vim.uv.new_timer()
  state.timer:start(debounce_ms, 0, vim.schedule_wrap(function()
    if api.nvim_buf_is_valid(bufnr) then ask(bufnr, AUTOMATIC) end
  end))
end

--- Takes what `piece` (of `lowkey.part`) makes of the rest; false where nothing is shown.
function M.accept(piece)
  local suggestion, rest = current()
  if not suggestion or not inserting() then return false end
  -- Scheduled: the text cannot be changed while an <expr> mapping runs.
  vim.schedule(function()
    suggestion, rest = current()
    if not suggestion then return end
    local bufnr, state = api.nvim_get_current_buf(), state_of(api.nvim_get_current_buf())
    local taken = piece(rest)
    local whole = taken == rest
    stop_asking(state)
    client_of.insert(taken, whole and #suggestion.covered or 0)
    if whole then
      drop(bufnr)
      if suggestion.command then client_of.run(suggestion.client, suggestion.command, bufnr) end
      return
    end
    local n_lines = select(2, taken:gsub('\n', ''))
    if n_lines > 0 then
      suggestion.row = suggestion.row + n_lines
      suggestion.text = taken:match('[^\n]*$') .. rest:sub(#taken + 1)
    end
    draw(bufnr)
  end)
  return true
end

--- What is shown in the current buffer; nil where nothing is.
function M.shown()
  local _, rest = current()
  return rest
end

function M.dismiss()
  local shown = M.shown() ~= nil
  drop(api.nvim_get_current_buf())
  return shown
end

--- Asks at once and on purpose: there may be several suggestions, and of several lines.
function M.ask()
  ask(api.nvim_get_current_buf(), INVOKED)
  return true
end

--- Asks as after a key, unless a question is on its way.
function M.again(bufnr)
  if not state_of(bufnr).timer then ask(bufnr, AUTOMATIC) end
end

--- Shows the next of several, or with -1 the one before.
function M.cycle(by)
  local bufnr = api.nvim_get_current_buf()
  local state = state_of(bufnr)
  local n = #state.suggestions
  if n == 0 then return false end
  state.index = (state.index - 1 + by) % n + 1
  state.chosen = true
  draw(bufnr)
  return true
end

--- Begins in a buffer that the server knows.
function M.attach(bufnr)
  local group = api.nvim_create_augroup('lowkey.ghost.' .. bufnr, {})
  local function on(events, action)
    api.nvim_create_autocmd(events, { group = group, buffer = bufnr, callback = action })
  end
  on({ 'InsertEnter', 'TextChangedI', 'TextChangedP', 'CursorMovedI' }, function() follow(bufnr) end)
  on({ 'InsertLeave', 'BufLeave', 'LspDetach' }, function() drop(bufnr) end)
  on('BufUnload', function()
    drop(bufnr)
    states[bufnr] = nil
    api.nvim_del_augroup_by_id(group)
  end)
end

function M.setup(options)
  debounce_ms = options.debounce_ms
  api.nvim_set_hl(0, 'LowkeyGhost', { link = vim.fn.hlexists('ComplHint') == 1 and 'ComplHint' or 'NonText', default = true })
  api.nvim_set_hl(0, 'LowkeyGhostMore', { link = 'MoreMsg', default = true })
end

return M
