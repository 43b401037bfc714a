-- One thing at a time: a request is repeated when the server says so and nothing is shown, and a next
-- edit waits while ghost text is shown.
--
-- Arguments: this folder and the socket. The answers are those of answers.lua.

local folder, socket = arg[1], arg[2]
local drive = dofile(folder .. '/drive.lua')
local lua, keys, check, eventually, state = drive.lua, drive.keys, drive.check, drive.eventually, drive.state
drive.connect(socket)

-- Longer than Neovim's 200 ms and the plugin's 200 ms together.
local LONG_MS = 700

local function item(text, last)
  return { insertText = text, range = { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = last } } }
end
local function next_edit()
  return lua("return (require('lowkey').next_edit() or {}).text or false") or nil
end
--- Sends the notification for the cursor's place and the buffer's text, with changes.
local function ask_again(changes)
  lua([[
    local changes = ...
    local position = vim.lsp.util.make_position_params(0, 'utf-16').position
    position.character = position.character + (changes.character or 0)
    local version = vim.lsp.util.buf_versions[vim.api.nvim_get_current_buf()] + (changes.version or 0)
    AskAgain({ textDocument = { uri = vim.uri_from_bufnr(0) .. (changes.uri or ''), version = version }, position = position })
  ]], changes or vim.empty_dict())
end
local function not_asked(what, changes)
  local before = state().asked
  ask_again(changes)
  vim.uv.sleep(LONG_MS)
  check(state().asked == before, 'asked again ' .. what)
end

drive.open('plain.txt')
check(lua('return Offered.experimental.lowkey.askAgain') == true, 'the capability is missing')
lua('Items = {}')
keys('i')
drive.type_and_settle('ab')
check(not state().ghost, 'ghost text without an answer')
lua('Items = ...', { item('abc', 2) })
not_asked('for an older text', { version = -1 })
not_asked('for another place', { character = -1 })
not_asked('for another document', { uri = '.other' })
ask_again()
local now = eventually('ghost text', function()
  local after = state()
  return after.ghost and after
end)
check(now.ghost.lines[1] == 'c' and now.line == 'ab', vim.inspect(now))
drive.ok('asked again at the same place of the same text')

lua('Items = ...', { item('abd', 2) })
not_asked('while ghost text is shown')
check(state().ghost.lines[1] == 'c', 'the ghost text was replaced')
keys('<Esc>')
eventually('normal mode', function() return state().mode == 'n' end)
not_asked('in normal mode')
drive.ok('not asked again elsewhere, and never over what is shown')

-- The same next edit is proposed after each change.
lua("vim.api.nvim_buf_set_lines(0, 0, -1, false, { '', 'old' })")
lua('NextEdit, Items = ...', {
  text = 'new',
  range = { start = { line = 1, character = 0 }, ['end'] = { line = 1, character = 3 } },
  textDocument = { uri = '' },
  command = { title = '', command = 'lowkey.accept', arguments = { 1 } },
}, { item('abc', 2) })
keys('ggi')
drive.type_and_settle('ab')
eventually('ghost text', function() return state().ghost end)
vim.uv.sleep(LONG_MS)
check(next_edit() == nil, 'a next edit beside ghost text')
check(state().ghost ~= nil, 'the ghost text went')
lua("Items = {} require('lowkey').dismiss()")
eventually('the next edit after the ghost text', function() return next_edit() == 'new' and not state().ghost end)
drive.ok('a next edit waits for the end of ghost text')

not_asked('beside a next edit')
keys('<Esc>v')
eventually('the next edit to be held back', function() return next_edit() == nil end)
keys('<Esc>')
eventually('the next edit to come back', function() return next_edit() == 'new' end)
keys('<M-n><M-n>')
eventually('the next edit to be accepted', function() return vim.deep_equal(state().lines, { 'ab', 'new' }) end)
drive.ok('a selection hides it, and it comes back')
keys(':qa!<CR>')
