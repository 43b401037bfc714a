-- How the plugin's own ghost text draws and accepts a server's answers: replaced tails, several
-- lines, several suggestions, late answers, other position encodings.
--
-- Arguments: this folder and the socket. The answers are those of answers.lua.

local folder, socket = arg[1], arg[2]
local drive = dofile(folder .. '/drive.lua')
local lua, keys, check, eventually, state = drive.lua, drive.keys, drive.check, drive.eventually, drive.state
drive.connect(socket)
drive.quiet_ms = 200

local function items(list) lua('Items = ...', list) end
local function range(first, last)
  return { start = { line = 0, character = first }, ['end'] = { line = 0, character = last } }
end

--- Opens a file of one line `before`▮`after`, enters insert mode at the mark and waits for the
--- answers.
local function at(before, after, answers)
  keys('<Esc>')
  eventually('normal mode', function() return state().mode == 'n' end)
  items(answers)
  lua('vim.api.nvim_buf_set_lines(0, 0, -1, false, { ... }) vim.api.nvim_win_set_cursor(0, { 1, 0 })', before .. after)
  -- Typed instead of set, as in real use.
  lua("vim.api.nvim_win_set_cursor(0, { 1, ... })", math.max(#before - 1, 0))
  keys(#before == 0 and 'i' or 'a')
end
local function shown() return eventually('ghost text', function() return state().ghost end) end
local function is(text, count)
  local ghost = state().ghost
  return ghost and ghost.count == count and vim.deep_equal(ghost.lines, { text })
end
local function taken(expected)
  keys('<Tab>')
  return eventually('the text to be ' .. vim.inspect(expected), function()
    local now = state()
    return vim.deep_equal(now.lines, expected) and not now.ghost and now
  end)
end

drive.open('plain.txt')

at('foo(', ')', { { insertText = 'foo(a, b)', range = range(0, 5), command = { title = '', command = 'lowkey.accept', arguments = { 7 } } } })
local ghost = shown()
check(not ghost.overlay and vim.deep_equal(ghost.lines, { 'a, b' }), vim.inspect(ghost))
local now = taken({ 'foo(a, b)' })
check(now.column == #'foo(a, b)', 'the cursor is at ' .. now.column)
eventually('the server to be told', function() return lua('return Accepted') == 7 end)
drive.ok('a bracket that is replaced is drawn once')

at('f(', ') + é', { { insertText = 'f(|x| {\n}) + é', range = range(0, 8) } })
ghost = shown()
check(ghost.overlay and vim.deep_equal(ghost.lines, { '|x| {', '}) + é' }), vim.inspect(ghost))
taken({ 'f(|x| {', '}) + é' })
drive.ok('a tail goes to the last of several lines')

at('x = ', '  # why', { { insertText = '[\n]' } })
ghost = shown()
check(ghost.overlay and vim.deep_equal(ghost.lines, { '[', ']  # why' }), vim.inspect(ghost))
taken({ 'x = [', ']  # why' })
drive.ok('several lines inside a line, without a range')

at('', '', { { insertText = 'one' }, { insertText = 'two' } })
shown()
keys('<M-\\>')
eventually('the count', function() return is('one', ' (1/2)') end)
keys('<M-]>')
eventually('the second', function() return is('two', ' (2/2)') end)
keys('<M-[><M-[>')
eventually('the second, the other way round', function() return is('two', ' (2/2)') end)
taken({ 'two' })
drive.ok('one of several')

-- Columns in UTF-16: é is one unit, 😀 is two.
at('é😀 ', 'z', { { insertText = 'yz', range = range(4, 5) } })
check(vim.deep_equal(shown().lines, { 'y' }), vim.inspect(state()))
taken({ 'é😀 yz' })
drive.ok('columns of another encoding')

at('a ', '', { { insertText = 'a == b', range = range(0, 2) } })
shown()
keys('<M-w>')
eventually('a word', function() return state().line == 'a ==' end)
check(vim.deep_equal(state().ghost.lines, { ' b' }), vim.inspect(state()))
keys('<M-w>')
eventually('the rest', function() return state().line == 'a == b' end)
drive.ok('word by word, signs and blanks included')

at('a', '', { { insertText = 'ab\n\tc\nd', range = range(0, 1) } })
shown()
keys('<M-l>')
eventually('a line', function() return vim.deep_equal(state().lines, { 'ab' }) end)
keys('<M-l>')
eventually('the next line', function() return vim.deep_equal(state().lines, { 'ab', '\tc' }) end)
-- The next requests are for this line, and the test has no answer for them.
keys('<M-l>')
eventually('the last line', function() return vim.deep_equal(state().lines, { 'ab', '\tc', 'd' }) end)
drive.ok('line by line')

-- A late answer is shown only if it fits the current text.
at('', '', {})
lua('Held, Cancelled = {}, 0')
items({ { insertText = 'late', range = range(0, 0) } })
keys('l')
eventually('the question', function() return lua('return #Held') == 1 end)
keys('x')
eventually('the question after it', function() return lua('return #Held') == 2 end)
check(lua('return Cancelled') == 1, 'the old request was not cancelled')
lua('Held[1]()')
check(not state().ghost, 'the answer to a cancelled request was shown')
lua('Held[2]()')
check(not state().ghost, 'an answer that the text contradicts was shown')
keys('<BS>')
eventually('the third question', function() return lua('return #Held') == 3 end)
keys('a')
eventually('the letter', function() return state().line == 'la' end)
lua('Held[3]()')
lua('Held = {}')
items({ { insertText = 'later', range = range(0, 3) } })
keys('t')
eventually('the fourth question', function() return lua('return #Held') == 1 end)
lua('Held[1]()')
check(vim.deep_equal(shown().lines, { 'er' }), vim.inspect(state()))
lua('Held, Items = nil, {}')
drive.ok('late answers that do not fit are never shown')

-- No ghost text in other modes, and no leftovers of it.
items({ { insertText = 'ghost' } })
at('', '', { { insertText = 'ghost' } })
shown()
keys('<Esc>')
eventually('nothing in normal mode', function() return not state().ghost end)
keys(':qa!<CR>')
