--- The language server as Neovim's client sees it: started, found, asked, started again.
---
--- Neovim 0.11 and newer start it by `vim.lsp.enable`, so a `vim.lsp.config('lowkey', …)` of the
--- user's holds; 0.10 has no such thing and gets a FileType autocommand.
local api = vim.api

local M = {}

M.NAME = 'lowkey'

--- Ends within the window until it is given up.
local MOST, WINDOW_MS = 5, 3 * 60 * 1000
local has_colons = vim.fn.has('nvim-0.11') == 1
local options
local ends = {}
--- Handlers of the server's own notifications.
local handlers = {}

--- What the status wants to know: nil, 'missing' or 'failed', and why.
M.trouble = nil

local function warn(message)
  vim.notify('lowkey: ' .. message, vim.log.levels.WARN)
end

--- lowkey's client of a buffer, of the current one by itself.
function M.get(bufnr)
  return vim.lsp.get_clients({ name = M.NAME, bufnr = bufnr or api.nvim_get_current_buf() })[1]
end

--- Sends a request; returns its id, or nil when the connection is gone.
function M.request(client, method, params, handler, bufnr)
  local sent, id
  if has_colons then
    sent, id = client:request(method, params, handler, bufnr)
  else
    sent, id = client.request(method, params, handler, bufnr)
  end
  return sent and id or nil
end

function M.cancel(client, id)
  if client.requests[id] then
    if has_colons then client:cancel_request(id) else client.cancel_request(id) end
  end
end

function M.notify(client, method, params)
  if has_colons then client:notify(method, params) else client.notify(method, params) end
end

--- The document and the cursor's position, as requests name them.
function M.place(client)
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  if not has_colons and client.offset_encoding ~= 'utf-8' then
    -- 0.10 takes a byte column beyond the line's length in other units for the end of the line.
    local column = api.nvim_win_get_cursor(0)[2]
    local in_utf32, in_utf16 = vim.str_utfindex(api.nvim_get_current_line(), column)
    params.position.character = client.offset_encoding == 'utf-32' and in_utf32 or in_utf16
  end
  return params
end

--- Runs a command of the server's.
function M.run(client, command, bufnr, handler)
  local params = { command = command.command, arguments = command.arguments }
  return M.request(client, 'workspace/executeCommand', params, handler or function() end, bufnr)
end

--- Replaces the `covered` bytes after the cursor with `text`; the cursor moves to its end.
--- It can be undone by itself.
function M.insert(text, covered)
  local row, column = unpack(api.nvim_win_get_cursor(0))
  local lines = vim.split(text, '\n', { plain = true })
  vim.cmd('let &l:undolevels = &l:undolevels')
  api.nvim_buf_set_text(0, row - 1, column, row - 1, column + covered, lines)
  local last = #lines[#lines] + (#lines == 1 and column or 0)
  api.nvim_win_set_cursor(0, { row + #lines - 1, last })
end

local function start_in(bufnr)
  if vim.bo[bufnr].buftype ~= '' then return end
  local filetypes = options.filetypes
  if filetypes and not vim.list_contains(filetypes, vim.bo[bufnr].filetype) then return end
  vim.lsp.start(
    vim.tbl_extend('force', M.config(), { name = M.NAME, root_dir = vim.fs.root(bufnr, options.root_markers) }),
    { bufnr = bufnr }
  )
end

--- Starts it for the buffers that there are, and for those that come.
function M.start()
  local program = M.program()
  if program and vim.fn.executable(program) == 0 then
    M.trouble = { state = 'missing', why = ('there is no program %q; install it or set cmd'):format(program) }
    warn(M.trouble.why .. ' (see :checkhealth lowkey)')
    return
  end
  M.trouble = nil
  if has_colons then
    vim.lsp.enable(M.NAME)
    return
  end
  api.nvim_create_autocmd('FileType', {
    group = api.nvim_create_augroup('lowkey.start', {}),
    callback = function(event) start_in(event.buf) end,
  })
  for _, bufnr in ipairs(api.nvim_list_bufs()) do
    if api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype ~= '' then start_in(bufnr) end
  end
end

--- Whether it is started again: yes, unless it keeps ending. Returns after how many ms.
local function wait_before_next(now)
  ends = vim.tbl_filter(function(past) return now - past < WINDOW_MS end, ends)
  ends[#ends + 1] = now
  if #ends > MOST then return nil end
  return #ends == 1 and 100 or 500 * 2 ^ (#ends - 2)
end

local function ended(code, signal)
  -- 15: it was asked to end (SIGTERM).
  if vim.v.exiting ~= vim.NIL or (code == 0 and (signal == 0 or signal == 15)) then return end
  local wait = wait_before_next(vim.uv.now())
  if not wait then
    M.trouble = { state = 'failed', why = 'the server ended repeatedly; :LowkeyLog shows its messages' }
    warn(M.trouble.why)
    return
  end
  vim.defer_fn(M.start, wait)
end

--- Stops it, and starts it when it is gone.
function M.restart()
  ends = {}
  local function start_when_gone(n_tries)
    if #vim.lsp.get_clients({ name = M.NAME }) == 0 or n_tries == 0 then
      M.start()
    else
      vim.defer_fn(function() start_when_gone(n_tries - 1) end, 50)
    end
  end
  for _, client in ipairs(vim.lsp.get_clients({ name = M.NAME })) do
    if has_colons then client:stop() else client.stop() end
  end
  start_when_gone(100)
end

--- Handles a notification of the server's; before `setup`.
function M.handle(method, handler)
  handlers[method] = handler
end

--- What `vim.lsp.config` and `vim.lsp.start` take.
function M.config()
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  -- Neovim 0.12 says so by itself. Before, the server would offer popups instead.
  capabilities.textDocument.inlineCompletion = capabilities.textDocument.inlineCompletion or { dynamicRegistration = false }
  -- The server then sends `$/lowkey/askAgain`.
  capabilities.experimental = vim.tbl_extend('force', capabilities.experimental or {}, { lowkey = { askAgain = true } })
  return {
    cmd = options.cmd,
    filetypes = options.filetypes,
    root_markers = options.root_markers,
    capabilities = capabilities,
    handlers = handlers,
    -- Twice: some settings (the model) are read at the start, all when they change.
    init_options = options.settings,
    settings = { lowkey = options.settings },
    on_exit = function(code, signal) vim.schedule(function() ended(code, signal) end) end,
  }
end

--- Changes a setting of the running server, and of those to come.
function M.set(key, value)
  options.settings[key] = value
  if has_colons then vim.lsp.config(M.NAME, { init_options = { [key] = value }, settings = { lowkey = { [key] = value } } }) end
  for _, client in ipairs(vim.lsp.get_clients({ name = M.NAME })) do
    client.settings = vim.tbl_deep_extend('force', client.settings or {}, { lowkey = options.settings })
    client.settings.lowkey[key] = value
    M.notify(client, 'workspace/didChangeConfiguration', { settings = { lowkey = client.settings.lowkey } })
  end
end

--- The value of a setting that was given here.
function M.setting(key)
  return options.settings[key]
end

--- The server's program; nil where `cmd` is a function that connects to one.
function M.program()
  return type(options.cmd) == 'table' and options.cmd[1] or nil
end

function M.setup(given)
  options = given
  if has_colons then vim.lsp.config(M.NAME, M.config()) end
end

return M
