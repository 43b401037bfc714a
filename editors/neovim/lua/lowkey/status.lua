--- What the server is doing, for the statusline and for `:LowkeyStatus`.
---
--- Learnt from the server's progress while the model loads, from `$/lowkey/status` when that ends,
--- and from `$/lowkey/explain` in a quiet moment after an answer. Changes fire `User LowkeyStatus`.
local client_of = require('lowkey.client')
local api = vim.api

local M = {}

--- Quiet time after an answer until its reasons are asked for, so that typing costs nothing.
local PAUSE_MS = 400
--- Until the status is asked for again while the model loads.
local AGAIN_MS = 500

--- What the servers said, by client; what became of the last request, by buffer.
local servers, outcomes = {}, {}
local timer

--- Rules that keep a whole file silent, and others, in words.
local FILE_OFF = {
  denied = 'the model must not see this file',
  desynced = 'the server has another text; reopen the file',
}
local WORDS = { ['no-model'] = 'no model' }

--- A rule's name in words.
function M.in_words(rule)
  return FILE_OFF[rule] or WORDS[rule] or (rule:gsub('-', ' '))
end

local function changed()
  api.nvim_exec_autocmds('User', { pattern = 'LowkeyStatus', modeline = false })
  vim.cmd.redrawstatus()
end

--- Asks until the model is there or cannot be had: not every end of loading is reported.
local function learn_status(client)
  client_of.request(client, '$/lowkey/status', nil, function(_, report)
    local is_known = type(report) == 'table'
    if is_known then
      -- The percentage comes from the progress messages; the status has none.
      if report.state == 'loading' then report.percent = (servers[client.id] or {}).percent end
      servers[client.id] = report
      changed()
    end
    if not is_known or report.state == 'loading' then
      vim.defer_fn(function()
        if vim.lsp.get_client_by_id(client.id) then learn_status(client) end
      end, AGAIN_MS)
    end
  end)
end

local function learn_outcome(client, bufnr)
  local params = { textDocument = { uri = vim.uri_from_bufnr(bufnr) } }
  client_of.request(client, '$/lowkey/explain', params, function(_, report)
    if type(report) ~= 'table' then return end
    outcomes[bufnr] = { silent = report.silent ~= vim.NIL and report.silent or nil, why = report.why or {} }
    changed()
  end, bufnr)
end

--- What is the case in a buffer (the current one): `state` is missing, failed, stopped, loading,
--- ready, paused or off; `text` says it in a word or two, `why` in a sentence or more lines.
function M.get(bufnr)
  bufnr = bufnr and bufnr ~= 0 and bufnr or api.nvim_get_current_buf()
  local trouble, client = client_of.trouble, client_of.get(bufnr)
  if trouble then return { state = trouble.state, text = 'lowkey ' .. trouble.state, why = { trouble.why } } end
  if not client then return { state = 'stopped', text = '', why = { 'the server does not run for this buffer' } } end
  local server, outcome = servers[client.id] or { state = 'loading' }, outcomes[bufnr]
  if server.state == 'loading' then
    local share = server.percent and (' %d%%'):format(server.percent) or ''
    return { state = 'loading', text = 'lowkey' .. (share ~= '' and share or ' …'), why = { 'loading the model' .. share } }
  end
  if server.state == 'failed' then return { state = 'failed', text = 'lowkey failed', why = { server.message } } end
  local about = { 'model: ' .. server.model }
  if server.paused then return { state = 'paused', text = 'lowkey paused', why = about } end
  if vim.list_contains(client_of.setting('languages_off') or {}, vim.bo[bufnr].filetype) then
    return { state = 'off', text = 'lowkey off', why = { 'off for ' .. vim.bo[bufnr].filetype, unpack(about) } }
  end
  local silent = outcome and outcome.silent
  if silent and FILE_OFF[silent] then
    return { state = 'off', text = 'lowkey off', why = vim.list_extend({ FILE_OFF[silent] }, outcome.why) }
  end
  if silent then
    local why = { 'no suggestion at the last place: ' .. M.in_words(silent), outcome.why[#outcome.why] }
    return { state = 'ready', text = 'lowkey', silent = silent, why = vim.list_extend(why, about) }
  end
  return { state = 'ready', text = 'lowkey', why = about }
end

--- For the statusline: `%{v:lua.require'lowkey'.status()}`. Says why the last place got no
--- suggestion unless `quiet`.
function M.line(quiet)
  local now = M.get()
  if quiet or not now.silent then return now.text end
  return ('%s (%s)'):format(now.text, M.in_words(now.silent))
end

--- Asks again, after the user changed something.
function M.refresh()
  for _, client in ipairs(vim.lsp.get_clients({ name = client_of.NAME })) do learn_status(client) end
end

local function ours(event)
  local client = vim.lsp.get_client_by_id(event.data.client_id)
  return client and client.name == client_of.NAME and client or nil
end

local function on_progress(event)
  local client, params = ours(event), event.data.params
  if not client or params.token ~= 'lowkey/loading' then return end
  if params.value.kind == 'end' then return learn_status(client) end
  servers[client.id] = { state = 'loading', percent = params.value.percentage }
  changed()
end

local function on_request(event)
  local client, request = ours(event), event.data.request
  if not client or request.type ~= 'complete' or request.method ~= 'textDocument/inlineCompletion' then return end
  if timer then timer:stop() end
  timer = vim.defer_fn(function()
    if vim.lsp.get_client_by_id(client.id) and api.nvim_buf_is_valid(request.bufnr) then learn_outcome(client, request.bufnr) end
  end, PAUSE_MS)
end

function M.setup()
  local group = api.nvim_create_augroup('lowkey.status', {})
  local function on(event, callback) api.nvim_create_autocmd(event, { group = group, callback = callback }) end
  on('LspProgress', on_progress)
  on('LspRequest', on_request)
  on('LspAttach', function(event)
    local client = ours(event)
    if client and not servers[client.id] then learn_status(client) end
  end)
  on('BufUnload', function(event) outcomes[event.buf] = nil end)
end

return M
