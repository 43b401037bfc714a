-- Neovim's own inline completion with the lines of the README, case by case.
--
-- Arguments: this folder, the socket, and a file with the mappings for partial acceptance.

local folder, socket, partial = arg[1], arg[2], arg[3]
local drive = dofile(folder .. '/drive.lua')
local lua, keys, type_text, check, eventually = drive.lua, drive.keys, drive.type_text, drive.check, drive.eventually
local state, settled, type_and_settle, type_until_ghost = drive.state, drive.settled, drive.type_and_settle, drive.type_until_ghost
local promised, accept, below = drive.promised, drive.accept, drive.below
drive.connect(socket)

below('shapes.py', 'self.side = side')
accept('a Python line', type_until_ghost('    def area(self):'))

below('counter.rs', 'self.count += 1;')
accept('a Rust line', type_until_ghost('        self.total += 1'))

-- A bracket that the editor inserted is after the cursor.
below('shapes.py', 'self.side = side')
type_and_settle('    def perimeter()')
keys('<Left>')
local now = type_until_ghost('self, side, scale')
now = accept('inside a closed bracket', now)
local _, opened = now.line:gsub('%(', '')
local _, closed = now.line:gsub('%)', '')
check(opened == closed, 'brackets do not match after accepting: ' .. now.line)

-- Typing along the ghost text keeps the rest of it, before and after the answer.
below('shapes.py', 'self.side = side')
now = type_until_ghost('    def area(self):', 3)
local ghost = now.ghost.lines[1]
local rest = ghost:sub(vim.str_utf_end(ghost, 1) + 2)
local before = now.asked
type_text(ghost:sub(1, #ghost - #rest))
eventually('the ghost text to follow the typed character', function()
  local shown = state().ghost
  return shown and vim.startswith(shown.lines[1], rest)
end)
now = settled(before)
check(now.ghost and vim.startswith(now.ghost.lines[1], rest),
  ('after typing along, %q is not shown any more'):format(rest))
drive.ok('typing along keeps the rest: ' .. vim.inspect(rest))

-- Leaving insert mode hides the ghost text; returning shows it again.
keys('<Esc>')
eventually('the ghost text to go with insert mode', function()
  local left = state()
  return left.mode == 'n' and not left.ghost
end)
before = state().asked
keys('a')
now = settled(before)
check(now.ghost and vim.startswith(now.ghost.lines[1], rest), 'no ghost text after returning to insert mode')
drive.ok('leaving insert mode hides it, coming back shows it')

-- A different key removes the ghost text.
local stale = now.ghost.lines[1]
local other = stale:sub(1, 1) == 'q' and 'z' or 'q'
now = type_and_settle(other)
check(now.line:sub(now.column, now.column) == other, 'the typed character is not in the buffer')
check(not now.ghost or now.ghost.lines[1] ~= stale:sub(2),
  ('the ghost text %q outlived a key that it does not agree with'):format(stale))
if now.ghost then
  check(vim.startswith(promised(now)[now.row], now.line:sub(1, now.column)),
    'the new ghost text would take back what was typed')
end
drive.ok('typing something else drops it')

-- Backspace restores the earlier suggestion.
before = state().asked
keys('<BS>')
now = settled(before)
check(now.ghost, 'no ghost text after taking the key back')
drive.ok('backspace brings one back: ' .. vim.inspect(now.ghost.lines[1]))

-- The documented mappings for partial acceptance.
lua('dofile(...)', partial)
for name, key in pairs({ word = '<M-w>', line = '<M-l>' }) do
  below('shapes.py', 'self.side = side')
  now = type_until_ghost('    def area(self):')
  local expected = promised(now)[now.row]
  local typed = now.line:sub(1, now.column)
  keys(key)
  now = eventually('a part to be accepted', function()
    local after = state()
    return after.line ~= typed and after
  end)
  check(vim.startswith(expected, now.line:sub(1, now.column)) and now.column > #typed,
    ('accepting a %s made %q of %q'):format(name, now.line, expected))
  if name == 'line' then check(now.line:sub(1, now.column) == expected, 'the line is not whole: ' .. now.line) end
  drive.ok(('accepting a %s: %q'):format(name, now.line))
end

-- On a line of blanks the model may want other blanks, which ghost text cannot show. Then <Tab> is
-- a tab; otherwise the shown text is inserted.
for file, mark in pairs({ ['stack.rs'] = 'pub fn len(', ['shapes.py'] = 'class Square' }) do
  below(file, mark)
  before = state().asked
  keys('<Esc>cc')
  now = settled(before)
  check(now.line:match('^%s+$'), 'the line is not indented: ' .. vim.inspect(now.line))
  if now.ghost then
    accept('a line of blanks', now)
  else
    keys('<Tab>')
    eventually('<Tab> to be a tab where there is no ghost text', function()
      local after = state()
      return after.column > now.column and after.line:match('^%s+$') and #after.lines == #now.lines
    end)
    drive.ok('a line of blanks: <Tab> is a tab where nothing is shown')
  end
end

-- A file with secrets: the request is answered without a suggestion.
below('.env', 'API_SECRET')
for index = 1, #'API_SECRET=' do
  local secret = ('API_SECRET='):sub(index, index)
  check(not type_and_settle(secret).ghost, 'ghost text in a file of secrets')
end
drive.ok('silence in a file of secrets')

drive.leave()
