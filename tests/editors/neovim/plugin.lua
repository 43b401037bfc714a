-- The plugin, case by case, with Neovim's or the plugin's own ghost text.
--
-- Arguments: this folder, the socket, and the expected drawing engine ("lowkey.native" or
-- "lowkey.ghost").

local folder, socket, engine = arg[1], arg[2], arg[3]
local drive = dofile(folder .. '/drive.lua')
local lua, keys, type_text, check, eventually = drive.lua, drive.keys, drive.type_text, drive.check, drive.eventually
local state, settled, type_and_settle, type_until_ghost = drive.state, drive.settled, drive.type_and_settle, drive.type_until_ghost
local promised, accept, below, server = drive.promised, drive.accept, drive.below, drive.server
drive.connect(socket)
local own = engine == 'lowkey.ghost'
-- Twice the delay between a key and its request.
if own then drive.quiet_ms = 200 end

local ok = drive.ok
local function status_becomes(wanted)
  return eventually('the status to be ' .. wanted, function()
    local now = state().status
    return now and now.state == wanted and now
  end)
end
local function method() below('shapes.py', 'self.side = side') end
local METHOD = '    def area(self):'

check(lua("return require('lowkey').drawn_by()") == engine, 'the ghost text should be drawn by ' .. engine)
method()
local before = status_becomes('ready')
check(before.text == 'lowkey', 'the statusline shows ' .. before.text)
check(table.concat(lua('return StatusTexts'), ','):find('lowkey'), 'the statusline did not show the start')
ok('the status becomes ready: ' .. table.concat(before.why, '; '))

accept('a Python line', type_until_ghost(METHOD))

-- Accepted before the answer to the last key: no typed text is left over.
method()
local now = type_until_ghost(METHOD, 2)
local expected = promised(now)
type_text(now.ghost.lines[1]:sub(1, vim.str_utf_end(now.ghost.lines[1], 1) + 1))
keys('<Tab>')
eventually('taking it right after a key to give what was shown:\n' .. table.concat(expected, '\n'), function()
  return vim.deep_equal(state().lines, expected)
end)
ok('accepted right after a key, without leftovers')

-- Word by word until the whole suggestion is accepted. The plugin's own ghost text stays between
-- words.
method()
now = type_until_ghost(METHOD, 3)
expected = promised(now)[now.row]
local n_words = 0
while now.ghost and now.line ~= expected do
  local column = now.column
  keys('<M-w>')
  now = eventually('a word to be accepted', function()
    local after = state()
    return after.column > column and after
  end)
  n_words = n_words + 1
  check(vim.startswith(expected, now.line), ('word %d made %q of %q'):format(n_words, now.line, expected))
  if not own then break end
  check(now.ghost or now.line == expected, 'the ghost text is gone after a word')
end
check(n_words > 0, 'no word was accepted')
ok(('accepted %d word(s): %q'):format(n_words, now.line))

method()
now = type_until_ghost(METHOD)
expected = promised(now)[now.row]
keys('<M-l>')
eventually('the line to be accepted', function() return state().line == expected end)
ok('accepted a line')

-- A bracket that the editor inserted is after the cursor.
below('shapes.py', 'self.side = side')
type_and_settle('    def perimeter()')
keys('<Left>')
now = accept('inside a closed bracket', type_until_ghost('self, side, scale'))
check(select(2, now.line:gsub('%(', '')) == select(2, now.line:gsub('%)', '')), 'brackets do not match: ' .. now.line)

-- A key that differs from the ghost text removes it at once, or the next answer follows the text.
method()
now = type_until_ghost(METHOD)
local stale = now.ghost.lines[1]
local other = stale:sub(1, 1) == 'q' and 'z' or 'q'
local asked = now.asked
type_text(other)
if own then
  -- In the first state that contains the key, before any answer.
  now = eventually('the key in the text', function()
    local after = state()
    return after.line:sub(after.column, after.column) == other and after
  end)
  check(not now.ghost or now.asked > asked, 'ghost text outlived a key that it does not agree with')
end
now = settled(asked)
check(not now.ghost or vim.startswith(promised(now)[now.row], now.line:sub(1, now.column)),
  'the new ghost text would take back what was typed')
ok('typing something else drops it')

keys('<BS>')
now = type_until_ghost('')
keys('<Esc>')
eventually('the ghost text to go with insert mode', function() return not state().ghost end)
ok('leaving insert mode hides it')

asked = state().asked
keys('a')
now = settled(asked)
check(now.ghost, 'no ghost text after coming back')
keys('<M-e>')
eventually('the ghost text to be removed', function() return not state().ghost end)
check(state().mode == 'i', 'removing it left insert mode')
ok('removed by its key')

if own then
  local row = state().row
  keys('<M-\\>')
  now = eventually('an answer on purpose', function()
    local after = state()
    return after.ghost and after
  end)
  check(now.row == row, 'asking moved the cursor')
  accept('asked for on purpose', now)
end

-- The explanation of the suggestion.
keys('<Esc>:LowkeyExplain<CR>')
local page = eventually('the page that explains', function()
  local lines = state().lines
  return lines[1] == '# lowkey: shapes.py' and lines
end)
check(page[3]:find('suggestion'), 'no verdict: ' .. page[3])
check(vim.list_contains(page, '## What it cost'), 'no cost')
keys('q')
eventually('the page to be closed', function() return state().attached end)
ok('explained: ' .. page[3])

-- Paused. The plugin's keys then do what they did before.
lua("require('lowkey').toggle()")
status_becomes('paused')
method()
check(not type_and_settle(METHOD).ghost, 'ghost text while paused')
keys('<M-l>')
eventually("the user's own mapping of the key", function() return vim.endswith(state().line, 'mine') end)
local column = state().column
keys('<Tab>')
eventually('<Tab> to be a tab', function() return state().column > column end)
lua("require('lowkey').toggle()")
status_becomes('ready')
ok('paused and resumed; the keys do then what they did before')

keys('<Esc>:LowkeyToggle!<CR>')
status_becomes('off')
method()
check(not type_and_settle(METHOD).ghost, 'ghost text in a language that is off')
keys('<Esc>:LowkeyToggle!<CR>')
status_becomes('ready')
method()
type_until_ghost(METHOD)
ok('a language switched off and on')

below('.env', 'API_SECRET')
check(not type_and_settle('API_KEY=').ghost, 'ghost text in a file of secrets')
now = status_becomes('off')
ok('off for a file with secrets: ' .. now.why[1])

-- A killed server is started again and completes again.
local killed = server()
vim.uv.kill(killed, 'sigkill')
eventually('another server', function()
  local another = server()
  return another and another ~= killed
end)
method()
status_becomes('ready')
accept('after the server was killed', type_until_ghost(METHOD))

killed = server()
keys('<Esc>:LowkeyRestart<CR>')
eventually('another server after :LowkeyRestart', function()
  local another = server()
  return another and another ~= killed
end)
status_becomes('ready')
ok('restarted by command')

-- A model from the server's list: the default model is the only one on this machine.
lua([[vim.ui.select = function(models, options, choose)
  Offered = vim.tbl_map(options.format_item, models)
  choose(models[1])
end]])
killed = server()
keys(':LowkeyModel<CR>')
eventually('another server after :LowkeyModel', function()
  local another = server()
  return another and another ~= killed
end)
check(lua('return Offered[1]'):find('lowkey%-default'), 'offered: ' .. lua('return Offered[1]'))
now = status_becomes('ready')
check(table.concat(now.why, '\n'):find('model: %S'), table.concat(now.why, '; '))
ok('a model chosen from the list of the server')

keys('<Esc>:checkhealth lowkey<CR>')
local health = eventually('the health report', function()
  local text = table.concat(state().lines, '\n')
  return text:find('lowkey doctor') and text
end)
check(not health:find('ERROR') and not health:find('WARNING'), health)
check(health:find('accepted with <Tab>', 1, true) and health:find('the server is ready'), health)
ok('checkhealth finds everything in order')
keys(':close<CR>')
eventually('the file', function() return state().attached end)
drive.leave()
