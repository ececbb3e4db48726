CREATE TABLE assertions (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  same BOOLEAN NOT NULL,
  a BIGINT NOT NULL,
  b BIGINT NOT NULL,
  evidence TEXT DEFAULT '' NOT NULL,
  actor TEXT DEFAULT '' NOT NULL,
  at BIGINT NOT NULL,
  retracted BIGINT,
  PRIMARY KEY (ws, id)
);

CREATE INDEX assertions_a ON assertions (ws, a);

CREATE INDEX assertions_b ON assertions (ws, b);

CREATE TABLE cases (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  customer BIGINT NOT NULL,
  state TEXT DEFAULT '' NOT NULL,
  severity TEXT DEFAULT '' NOT NULL,
  queue TEXT DEFAULT '' NOT NULL,
  assignee TEXT DEFAULT '' NOT NULL,
  contacts INTEGER DEFAULT 0 NOT NULL,
  opened BIGINT NOT NULL,
  waiting BIGINT,
  due BIGINT,
  need BIGINT,
  answered BIGINT,
  last_in BIGINT,
  last_out BIGINT,
  resolved BIGINT,
  closed BIGINT,
  snoozed BIGINT,
  first BIGINT,
  last BIGINT,
  touched BIGINT NOT NULL,
  tags TEXT DEFAULT '' NOT NULL,
  playbook TEXT DEFAULT '' NOT NULL,
  version INTEGER DEFAULT 0 NOT NULL,
  merged BIGINT,
  channel TEXT DEFAULT '' NOT NULL,
  entitlement TEXT DEFAULT '' NOT NULL,
  flags INTEGER DEFAULT 0 NOT NULL,
  alarm BIGINT,
  resolve_by BIGINT,
  running BIGINT,
  spent BIGINT DEFAULT 0 NOT NULL,
  more TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, id)
);

CREATE INDEX cases_alarm ON cases (ws, alarm) WHERE alarm IS NOT NULL;

CREATE INDEX cases_customer ON cases (ws, customer);

CREATE INDEX cases_need ON cases (ws, need) WHERE need IS NOT NULL;

CREATE TABLE channels (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  name TEXT DEFAULT '' NOT NULL,
  platform TEXT DEFAULT '' NOT NULL,
  settings TEXT DEFAULT '' NOT NULL,
  accounts TEXT DEFAULT '' NOT NULL,
  archive BOOLEAN NOT NULL,
  created BIGINT NOT NULL,
  lease TEXT DEFAULT '' NOT NULL,
  leased BIGINT,
  PRIMARY KEY (ws, id)
);

CREATE UNIQUE INDEX channels_name ON channels (ws, name);

CREATE TABLE conversations (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  channel BIGINT NOT NULL,
  key TEXT,
  merged BIGINT,
  first_at BIGINT,
  first_pid TEXT DEFAULT '' NOT NULL,
  party BIGINT,
  PRIMARY KEY (ws, id)
);

CREATE UNIQUE INDEX conversations_key ON conversations (ws, channel, key);

CREATE TABLE cursors (
  ws INTEGER NOT NULL,
  channel BIGINT NOT NULL,
  stream TEXT DEFAULT '' NOT NULL,
  key TEXT DEFAULT '' NOT NULL,
  value TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, channel, stream, key)
);

CREATE TABLE customers (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  name TEXT DEFAULT '' NOT NULL,
  merged BIGINT,
  last_case BIGINT,
  PRIMARY KEY (ws, id)
);

CREATE TABLE events (
  ws INTEGER NOT NULL,
  seq BIGINT NOT NULL,
  case_id BIGINT NOT NULL,
  kind TEXT DEFAULT '' NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT DEFAULT '' NOT NULL,
  interaction BIGINT,
  playbook TEXT DEFAULT '' NOT NULL,
  rule TEXT DEFAULT '' NOT NULL,
  due BIGINT,
  need BIGINT,
  data TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, seq)
);

CREATE INDEX events_case ON events (ws, case_id);

CREATE TABLE ghosts (
  ws INTEGER NOT NULL,
  channel BIGINT NOT NULL,
  pid TEXT DEFAULT '' NOT NULL,
  scope TEXT DEFAULT '' NOT NULL,
  conversation BIGINT NOT NULL,
  PRIMARY KEY (ws, channel, pid, scope)
);

CREATE TABLE goals (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  name TEXT DEFAULT '' NOT NULL,
  document TEXT DEFAULT '' NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT,
  PRIMARY KEY (ws, id)
);

CREATE TABLE grants (
  ws INTEGER NOT NULL,
  channel BIGINT NOT NULL,
  data TEXT DEFAULT '' NOT NULL,
  lease TEXT DEFAULT '' NOT NULL,
  leased BIGINT,
  PRIMARY KEY (ws, channel)
);

CREATE TABLE handles (
  ws INTEGER NOT NULL,
  identity BIGINT NOT NULL,
  kind TEXT DEFAULT '' NOT NULL,
  value TEXT DEFAULT '' NOT NULL,
  verified BOOLEAN NOT NULL,
  PRIMARY KEY (ws, identity, kind, value)
);

CREATE INDEX handles_value ON handles (ws, kind, value);

CREATE TABLE holes (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  channel BIGINT NOT NULL,
  stream TEXT DEFAULT '' NOT NULL,
  pid TEXT DEFAULT '' NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT NOT NULL,
  reason TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, id)
);

CREATE TABLE identities (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  platform TEXT DEFAULT '' NOT NULL,
  account TEXT DEFAULT '' NOT NULL,
  name TEXT DEFAULT '' NOT NULL,
  handle TEXT DEFAULT '' NOT NULL,
  url TEXT DEFAULT '' NOT NULL,
  avatar TEXT DEFAULT '' NOT NULL,
  seen BIGINT NOT NULL,
  origin BIGINT NOT NULL,
  customer BIGINT NOT NULL,
  PRIMARY KEY (ws, id)
);

CREATE UNIQUE INDEX identities_account ON identities (ws, platform, account);

CREATE INDEX identities_customer ON identities (ws, customer);

CREATE TABLE incident_cases (
  ws INTEGER NOT NULL,
  incident BIGINT NOT NULL,
  case_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (ws, incident, case_id)
);

CREATE TABLE incident_updates (
  ws INTEGER NOT NULL,
  incident BIGINT NOT NULL,
  number INTEGER DEFAULT 0 NOT NULL,
  customer BIGINT NOT NULL,
  outbox BIGINT,
  error TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, incident, number, customer)
);

CREATE TABLE incidents (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  name TEXT DEFAULT '' NOT NULL,
  opened BIGINT NOT NULL,
  resolved BIGINT,
  actor TEXT DEFAULT '' NOT NULL,
  words TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, id)
);

CREATE TABLE interactions (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  channel BIGINT NOT NULL,
  pid TEXT DEFAULT '' NOT NULL,
  scope TEXT DEFAULT '' NOT NULL,
  conversation BIGINT NOT NULL,
  parent TEXT,
  author BIGINT NOT NULL,
  party BIGINT,
  customer BIGINT,
  case_id BIGINT,
  kind TEXT DEFAULT '' NOT NULL,
  direction TEXT DEFAULT '' NOT NULL,
  visibility TEXT DEFAULT '' NOT NULL,
  moderation TEXT DEFAULT '' NOT NULL,
  at BIGINT NOT NULL,
  received BIGINT NOT NULL,
  edited BIGINT,
  deleted BIGINT,
  seen BIGINT,
  text TEXT DEFAULT '' NOT NULL,
  subject TEXT DEFAULT '' NOT NULL,
  url TEXT DEFAULT '' NOT NULL,
  language TEXT DEFAULT '' NOT NULL,
  extra TEXT DEFAULT '' NOT NULL,
  journal BIGINT,
  pos INTEGER DEFAULT 0 NOT NULL,
  PRIMARY KEY (ws, id)
);

CREATE INDEX interactions_conversation ON interactions (ws, conversation, at);

CREATE INDEX interactions_customer ON interactions (ws, customer, at);

CREATE UNIQUE INDEX interactions_pid ON interactions (ws, channel, pid, scope);

CREATE TABLE journal (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  channel BIGINT NOT NULL,
  stream TEXT DEFAULT '' NOT NULL,
  received BIGINT NOT NULL,
  count INTEGER DEFAULT 0 NOT NULL,
  blob BYTEA NOT NULL,
  PRIMARY KEY (ws, id)
);

CREATE TABLE notes (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  case_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  author TEXT DEFAULT '' NOT NULL,
  text TEXT DEFAULT '' NOT NULL,
  mentions TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, id)
);

CREATE INDEX notes_case ON notes (ws, case_id);

CREATE TABLE outbox (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  uid TEXT DEFAULT '' NOT NULL,
  case_id BIGINT NOT NULL,
  channel BIGINT NOT NULL,
  conversation BIGINT NOT NULL,
  interaction BIGINT NOT NULL,
  identity BIGINT NOT NULL,
  visibility TEXT DEFAULT '' NOT NULL,
  text TEXT DEFAULT '' NOT NULL,
  parts TEXT DEFAULT '' NOT NULL,
  message TEXT DEFAULT '' NOT NULL,
  state TEXT DEFAULT '' NOT NULL,
  cursor TEXT DEFAULT '' NOT NULL,
  intent TEXT DEFAULT '' NOT NULL,
  ids TEXT DEFAULT '' NOT NULL,
  error TEXT DEFAULT '' NOT NULL,
  author TEXT DEFAULT '' NOT NULL,
  attempts INTEGER DEFAULT 0 NOT NULL,
  created BIGINT NOT NULL,
  next BIGINT,
  sent BIGINT,
  seen BIGINT NOT NULL,
  lease TEXT DEFAULT '' NOT NULL,
  leased BIGINT,
  PRIMARY KEY (ws, id)
);

CREATE INDEX outbox_case ON outbox (ws, case_id);

CREATE INDEX outbox_due ON outbox (ws, state, next) WHERE state IN ('queued', 'sending', 'unknown');

CREATE TABLE pending (
  ws INTEGER NOT NULL,
  channel BIGINT NOT NULL,
  pid TEXT DEFAULT '' NOT NULL,
  scope TEXT DEFAULT '' NOT NULL,
  kind TEXT DEFAULT '' NOT NULL,
  at BIGINT NOT NULL,
  data TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, channel, pid, scope, kind, at)
);

CREATE TABLE playbooks (
  ws INTEGER NOT NULL,
  version TEXT DEFAULT '' NOT NULL,
  document TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, version)
);

CREATE TABLE profiles (
  ws INTEGER NOT NULL,
  identity BIGINT NOT NULL,
  at BIGINT NOT NULL,
  tags TEXT DEFAULT '' NOT NULL,
  entitlement TEXT DEFAULT '' NOT NULL,
  actor TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, identity, at)
);

CREATE TABLE published (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  since BIGINT NOT NULL,
  version TEXT DEFAULT '' NOT NULL,
  actor TEXT DEFAULT '' NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (ws, id)
);

CREATE TABLE quarantine (
  ws INTEGER NOT NULL,
  id BIGINT NOT NULL,
  channel BIGINT NOT NULL,
  journal BIGINT NOT NULL,
  pos INTEGER DEFAULT 0 NOT NULL,
  kind TEXT DEFAULT '' NOT NULL,
  error TEXT DEFAULT '' NOT NULL,
  at BIGINT NOT NULL,
  solved BIGINT,
  PRIMARY KEY (ws, id)
);

CREATE INDEX quarantine_open ON quarantine (ws, channel) WHERE solved IS NULL;

CREATE TABLE revisions (
  ws INTEGER NOT NULL,
  interaction BIGINT NOT NULL,
  at BIGINT NOT NULL,
  digest TEXT DEFAULT '' NOT NULL,
  text TEXT DEFAULT '' NOT NULL,
  subject TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (ws, interaction, at, digest)
);

CREATE TABLE workspaces (
  ws INTEGER NOT NULL,
  name TEXT NOT NULL,
  settings TEXT DEFAULT '{}' NOT NULL,
  indexed BIGINT DEFAULT 0 NOT NULL,
  PRIMARY KEY (ws),
  UNIQUE (name)
);

CREATE INDEX interactions_search ON interactions USING gin (to_tsvector('simple', regexp_replace(normalize(regexp_replace(normalize(subject || ' ' || text, NFD), '[\u0300-\u036f]+', '', 'g'), NFC), '[!-/:-@[-`{-~]+', ' ', 'g')));
