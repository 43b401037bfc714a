--- Pages that exist only in a window: why there was a suggestion or none, statistics.
---
--- They hold text of the document, so they are never written to a file.
local client_of = require('lowkey.client')
local status = require('lowkey.status')
local api = vim.api

local M = {}

--- Shows lines in a window below; `q` closes it.
function M.show(lines, filetype)
  vim.cmd('botright new')
  local bufnr = api.nvim_get_current_buf()
  api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].buftype, vim.bo[bufnr].bufhidden, vim.bo[bufnr].swapfile = 'nofile', 'wipe', false
  vim.bo[bufnr].modifiable, vim.bo[bufnr].filetype = false, filetype
  vim.keymap.set('n', 'q', '<C-w>c', { buffer = bufnr, desc = 'Close' })
  api.nvim_win_set_height(0, math.min(#lines + 1, math.floor(vim.o.lines / 2)))
end

local function rows(values, unit)
  local names = vim.tbl_keys(values or {})
  table.sort(names)
  return vim.tbl_map(function(name)
    return ('- %s: %.4g %s'):format(name:gsub('_', ' '), values[name], unit)
  end, names)
end

--- The answer of `$/lowkey/explain` as Markdown lines.
function M.explained(file, report)
  if not report or report == vim.NIL then
    return { '# lowkey: ' .. file, '', 'Nothing was asked for in this document yet. Type in it, then explain again.' }
  end
  local silent = report.silent ~= vim.NIL and report.silent or nil
  local verdict = silent and ('No suggestion: %s.'):format(status.in_words(silent))
    or (report.insert == vim.NIL or report.text == '') and 'No suggestion: the model had nothing to add.'
    or ('A suggestion was made at line %d, column %d.'):format(report.insert.start[1] + 1, report.insert.start[2] + 1)
  local lines = { '# lowkey: ' .. file, '', verdict, '' }
  if #(report.why or {}) > 0 then
    vim.list_extend(lines, { '## What each stage decided', '' })
    for _, step in ipairs(report.why) do lines[#lines + 1] = '- ' .. step:gsub('\n', ' ') end
    lines[#lines + 1] = ''
  end
  if report.text ~= '' then
    vim.list_extend(lines, { silent and '## What it would have been' or '## The suggestion', '' })
    for _, line in ipairs(vim.split(report.text, '\n', { plain = true })) do lines[#lines + 1] = '    ' .. line end
    lines[#lines + 1] = ''
  end
  vim.list_extend(lines, { '## What it cost', '', '- answered by: ' .. report.source })
  vim.list_extend(lines, rows(report.tokens, 'tokens'))
  return vim.list_extend(lines, rows(report.ms, 'ms'))
end

--- Explains the last request of the current buffer.
function M.explain()
  local bufnr, client = api.nvim_get_current_buf(), client_of.get()
  if not client then return vim.notify('lowkey: the server does not run for this buffer', vim.log.levels.WARN) end
  local params = { textDocument = { uri = vim.uri_from_bufnr(bufnr) } }
  client_of.request(client, '$/lowkey/explain', params, function(err, report)
    if err then return vim.notify('lowkey: ' .. err.message, vim.log.levels.WARN) end
    M.show(M.explained(vim.fn.fnamemodify(api.nvim_buf_get_name(bufnr), ':t'), report), 'markdown')
  end, bufnr)
end

--- Runs the program with arguments; `done` gets what it printed, or nothing where it failed.
function M.run(arguments, done)
  local command = vim.list_extend({ client_of.program() or 'lowkey' }, arguments)
  local started, why = pcall(vim.system, command, { text = true }, vim.schedule_wrap(function(result)
    if result.code == 0 then return done(result.stdout) end
    vim.notify(('lowkey: `lowkey %s` failed: %s'):format(table.concat(arguments, ' '), vim.trim(result.stderr)), vim.log.levels.WARN)
  end))
  if not started then vim.notify('lowkey: ' .. why, vim.log.levels.WARN) end
end

--- Shows what `lowkey stats` prints.
function M.statistics()
  M.run({ 'stats' }, function(printed) M.show(vim.split(vim.trim(printed), '\n'), '') end)
end

--- Lets the user choose a model of `lowkey models list`, for this session.
function M.choose_model()
  M.run({ 'models', 'list', '--json' }, function(printed)
    local decoded, answer = pcall(vim.json.decode, printed)
    local models = decoded and vim.tbl_filter(function(model) return model.runs end, answer.models or {}) or {}
    vim.ui.select(models, {
      prompt = 'lowkey: the model',
      format_item = function(model)
        return ('%s  %s%s'):format(model.name, model.size or '', model.installed and '' or '  (not pulled)')
      end,
    }, function(model)
      if not model then return end
      if not model.installed then
        return vim.notify(('lowkey: run `lowkey models pull %s` first'):format(model.name), vim.log.levels.WARN)
      end
      client_of.set('model', model.name)
      client_of.restart()
    end)
  end)
end

return M
