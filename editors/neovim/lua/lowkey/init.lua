--- lowkey in Neovim: code completion as ghost text, by a small model on this machine.
---
--- On Neovim 0.12 this configures what the editor brings (`vim.lsp.inline_completion`); on 0.10
--- and 0.11 it draws ghost text itself. All that can be suggested is decided by the server.
local again = require('lowkey.again')
local client_of = require('lowkey.client')
local cursor = require('lowkey.cursor')
local next_edit = require('lowkey.next_edit')
local part = require('lowkey.part')
local status = require('lowkey.status')
local api = vim.api

local M = {}

local DEFAULTS = {
  -- The server's program and its arguments.
  cmd = { 'lowkey' },
  -- In which file types; nil: all.
  filetypes = nil,
  -- What makes a folder the root of a project.
  root_markers = { '.git' },
  -- The server's settings, as in editors/settings.md of the project.
  settings = {},
  -- Who draws: 'neovim' (0.12 and newer), 'lowkey', or 'auto'.
  ghost = 'auto',
  -- Quiet time before the server is asked; Neovim's own ghost text always waits 200 ms.
  debounce_ms = 75,
  -- Keys of insert mode; false: none.
  keys = { accept = '<Tab>', accept_word = '<M-w>', accept_line = '<M-l>', dismiss = '<M-e>', ask = '<M-\\>', next = '<M-]>', previous = '<M-[>' },
  -- Keys of normal and insert mode for the next edit; false: none.
  next_edit_keys = { accept = '<M-n>', dismiss = '<M-N>' },
}

local engine

local function drawn_by(choice)
  local native = vim.lsp.inline_completion ~= nil
  if choice == 'neovim' and not native then error("lowkey: ghost = 'neovim' needs Neovim 0.12") end
  return native and choice ~= 'lowkey' and 'lowkey.native' or 'lowkey.ghost'
end

--- What a key did before it was ours, so that it still does that where nothing is shown.
local function prior(key)
  local map = vim.fn.maparg(key, 'i', false, true)
  local again = api.nvim_replace_termcodes(key, true, true, true)
  if map.callback and map.expr == 1 then
    return function()
      local result = map.callback()
      if result then api.nvim_feedkeys(map.replace_keycodes == 1 and api.nvim_replace_termcodes(result, true, true, true) or result, map.noremap == 1 and 'in' or 'im', false) end
    end
  elseif map.callback then
    return function() map.callback() end
  elseif map.rhs and map.rhs ~= '' then
    return function()
      local rhs = map.expr == 1 and api.nvim_eval(map.rhs) or map.rhs
      api.nvim_feedkeys(api.nvim_replace_termcodes(rhs, true, true, true), map.noremap == 1 and 'in' or 'im', false)
    end
  end
  return function() api.nvim_feedkeys(again, 'in', false) end
end

local function map(key, action, description)
  if not key then return end
  local otherwise = prior(key)
  vim.keymap.set('i', key, function()
    if not action(otherwise) then otherwise() end
  end, { desc = 'lowkey: ' .. description })
end

local function map_next_edit(key, action, description)
  if not key then return end
  vim.keymap.set({ 'n', 'i' }, key, function() action() end, { desc = 'lowkey: ' .. description })
end

local nothing = function() end

--- Takes the suggestion; false where there is none. `otherwise` runs when it turns out to be
--- out of date.
function M.accept(otherwise)
  return engine ~= nil and engine.accept(part.all, otherwise or nothing)
end

--- Takes its next word.
function M.accept_word(otherwise)
  return engine ~= nil and engine.accept(part.word, otherwise or nothing)
end

--- Takes the rest of its line.
function M.accept_line(otherwise)
  return engine ~= nil and engine.accept(part.line, otherwise or nothing)
end

--- Removes it; false where there is none.
function M.dismiss()
  if not engine or not engine.dismiss() then return false end
  -- A next edit was held back.
  vim.schedule(next_edit.redraw)
  return true
end

--- Asks at once and on purpose; false where Neovim itself draws, which cannot.
function M.ask()
  return engine ~= nil and engine.ask()
end

--- Shows the next of several suggestions, or with -1 the one before.
function M.cycle(by)
  return engine ~= nil and engine.cycle(by)
end

--- Jumps to the next edit, or accepts it where the cursor is in its line; false where there is none.
M.accept_next_edit = next_edit.accept

--- Removes the next edit; it is not shown again for a while.
M.dismiss_next_edit = next_edit.dismiss

--- The next edit: `bufnr`, `row` from 1 and `text`; nil where there is none.
M.next_edit = next_edit.shown

--- The ghost text of the current buffer; nil where there is none.
function M.shown()
  return engine and engine.shown()
end

--- Pauses everywhere, or resumes.
function M.toggle()
  local client = client_of.get() or vim.lsp.get_clients({ name = client_of.NAME })[1]
  if not client then return vim.notify('lowkey: the server does not run', vim.log.levels.WARN) end
  client_of.run(client, { command = 'lowkey.toggle' }, nil, function(_, result)
    status.refresh()
    vim.notify('lowkey: ' .. (result and result.paused and 'paused' or 'resumed'))
  end)
end

--- Switches suggestions off or on for a language (the current buffer's), in this session.
function M.toggle_language(language)
  language = language or vim.bo.filetype
  local off = vim.deepcopy(client_of.setting('languages_off') or {})
  local others = vim.tbl_filter(function(one) return one ~= language end, off)
  if #others == #off then others[#others + 1] = language end
  client_of.set('languages_off', others)
  vim.notify(('lowkey: %s for %s'):format(#others > #off and 'off' or 'on', language))
  vim.cmd.redrawstatus()
end

--- Starts the server anew.
M.restart = client_of.restart

--- For the statusline, e.g. `%{v:lua.require'lowkey'.status()}`.
M.status = status.line

--- The whole state of a buffer: `state`, `text`, `why`.
M.state = status.get

--- Whether `setup` was called, and who draws.
function M.drawn_by()
  return M.engine_name
end

--- Starts; see |lowkey-setup|.
function M.setup(given)
  local options = vim.tbl_deep_extend('force', DEFAULTS, given or {})
  M.engine_name = drawn_by(options.ghost)
  engine = require(M.engine_name)
  engine.setup(options)
  again.setup(engine, function() return next_edit.shown() ~= nil end)
  client_of.setup(options)
  status.setup()
  cursor.setup()
  next_edit.setup(function() return M.shown() end)
  local keys = options.keys or {}
  map(keys.accept, M.accept, 'accept the suggestion')
  map(keys.accept_word, M.accept_word, 'accept its next word')
  map(keys.accept_line, M.accept_line, 'accept its line')
  map(keys.dismiss, M.dismiss, 'remove the suggestion')
  if M.engine_name == 'lowkey.ghost' then map(keys.ask, M.ask, 'suggest now') end
  map(keys.next, function() return M.cycle(1) end, 'show the next suggestion')
  map(keys.previous, function() return M.cycle(-1) end, 'show the suggestion before')
  local next_edit_keys = options.next_edit_keys or {}
  map_next_edit(next_edit_keys.accept, M.accept_next_edit, 'jump to the next edit, then accept it')
  map_next_edit(next_edit_keys.dismiss, M.dismiss_next_edit, 'remove the next edit')
  api.nvim_create_autocmd('LspAttach', {
    group = api.nvim_create_augroup('lowkey.attach', {}),
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == client_of.NAME then engine.attach(event.buf) end
    end,
  })
  client_of.start()
end

return M
