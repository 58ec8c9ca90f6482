"""A client of smallchange with nothing but Python's standard library: what is published is merged once and in order, what comes is at
the callback once and in order, or the app is told of a reset. docs/PROTOCOL.md has the rules (P1, P2, ...) that are named here.

    connection = Connection('http://localhost:8080', 'alice')
    connection.subscribe('demo', lambda channel, data: print(data))
    connection.publish('demo', b'x').result()

Callbacks come from a thread of their channel.
"""
import base64, codecs, http.client, json, queue, random, re, secrets, socket, threading, traceback
from concurrent.futures import Future
from contextlib import contextmanager
from time import monotonic
from urllib.parse import urlencode, urlsplit

TIMEOUT_S, STEADY_S, HEARTBEAT_S = 10, 5, 20


class Refused(Exception):
    """The server will never take that; `code` is the problem's (P1)."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Backoff:
    """Full jitter: who failed together does not come back together."""
    failures = 0

    def next_s(self, least_s=0.0):
        self.failures = min(self.failures + 1, 7)
        return max(least_s, 0.25 + random.random() * min(20, 0.25 * 2 ** self.failures))


def frames(response):
    """Yields (event, data, id, retry) of a stream that may be cut anywhere (WHATWG HTML 9.2.6); a frame that is not whole never comes."""
    decode = codecs.getincrementaldecoder('utf-8')('replace').decode
    rest, after_cr, is_first, last_id, event, data, retry = '', False, True, None, 'message', [], None
    while chunk := response.read1(65536):
        if not (text := decode(chunk)):
            continue
        text, is_first = text.removeprefix('\ufeff') if is_first else text, False
        text = text.removeprefix('\n') if after_cr else text
        after_cr = text.endswith('\r')
        *lines, rest = re.split('\r\n|\r|\n', rest + text)
        for line in lines:
            field, _, value = line.partition(':')
            value = value.removeprefix(' ')
            if line == '':
                if data: yield event, '\n'.join(data), last_id, retry
                event, data, retry = 'message', [], None
            elif field == 'data': data.append(value)
            elif field == 'event': event = value
            elif field == 'id' and '\0' not in value: last_id = value
            elif field == 'retry' and value.isdecimal(): retry = int(value) / 1000


def is_repeat(cursor, seen):
    """Whether who is at `seen` has what is at `cursor`: only those of one prefix can be compared (P39)."""
    (prefix, _, number), (its, _, last) = cursor.partition('.'), (seen or '').partition('.')
    return prefix == its and bool(last) and int(number, 36) <= int(last, 36)


class Connection:
    def __init__(self, url, name='anyone'):
        self.url, self.closed, self.lanes, self.sockets, self.lock = urlsplit(url), threading.Event(), {}, set(), threading.Lock()
        self.publisher = f'{name}.{secrets.token_hex(16)}'  # new at every start (P6)

    def subscribe(self, channel, on_event, on_reset=lambda channel, lost, state: None, since=None):
        """`on_event(channel, data)`, text or bytes; `on_reset(channel, lost, state)`: what is shown begins anew (P12)."""
        self._start(self._listen, Listening(channel, on_event, on_reset, since))

    def publish(self, channel, data):
        """A Future: done with the 204, or `Refused`."""
        done = Future()
        with self.lock:
            if channel not in self.lanes:
                self.lanes[channel] = queue.Queue()
                self._start(self._send, channel, self.lanes[channel])
            self.lanes[channel].put((data, done))
        return done

    def close(self):
        """Nothing is asked for and nobody called after it."""
        self.closed.set()
        for each in list(self.sockets):
            try: each.shutdown(socket.SHUT_RDWR)
            except OSError: pass

    def _start(self, run, *words):
        threading.Thread(target=run, args=words, daemon=True).start()

    @contextmanager
    def _asked(self, method, path, query, body=None, headers={}):
        """The answer, and its socket, whose timeout is that of each wait for bytes. Whatever happens, it is closed in the end."""
        kind = http.client.HTTPSConnection if self.url.scheme == 'https' else http.client.HTTPConnection
        connection = kind(self.url.netloc, timeout=TIMEOUT_S)
        connection.connect()
        link = connection.sock
        self.sockets.add(link)
        try:
            if self.closed.is_set(): raise OSError('closed')
            connection.request(method, f'{self.url.path}/c/{path}?{urlencode(query)}', body, {'Connection': 'close', **headers})
            with connection.getresponse() as response: yield response, link
        finally:
            self.sockets.discard(link)
            link.close()

    def _send(self, channel, lane):
        for seq, (data, done) in enumerate(iter(lane.get, None), 1):
            backoff = Backoff()  # the next one goes out after the answer to this one, and never before (P6)
            while not self.closed.is_set():
                status, code, wait_s = self._post(channel, seq, data)
                if status == 204: done.set_result(None)
                elif 400 <= status < 500 and status not in (408, 429): done.set_exception(Refused(code))
                elif not self.closed.wait(backoff.next_s(wait_s)): continue  # unknown: the very same again (P5)
                break

    def _post(self, channel, seq, data):
        try:
            with self._asked('POST', channel, {'from': self.publisher, 'seq': seq}, data) as (response, _):
                text, is_problem = response.read(), 'problem+json' in response.getheader('Content-Type', '')
                code = json.loads(text)['code'] if is_problem else f'http_{response.status}'
                return response.status, code, float(response.getheader('Retry-After', 0))
        except (OSError, http.client.HTTPException, ValueError):
            return 0, 'unknown', 0

    def _listen(self, listening):
        backoff = Backoff()
        while not self.closed.is_set():
            listening.begin()
            try:
                self._read(listening)
            except Refused:
                return
            except (OSError, http.client.HTTPException, ValueError):
                pass  # cut, silent, or not our server
            if listening.is_well(): backoff = Backoff()
            self.closed.wait(backoff.next_s(listening.retry_s))

    def _read(self, listening):
        # Only `since` may be a word such as `earliest` (P13).
        query = {'with': 'from,seq,at', **({'since': listening.cursor} if listening.cursor else {})}
        asked = self._asked('GET', f'{listening.channel}/events', query, None, {'Accept': 'text/event-stream'})
        with asked as (response, link):
            if 400 <= response.status < 500 and response.status not in (408, 429): raise Refused(response.status)
            if response.status != 200 or 'text/event-stream' not in response.getheader('Content-Type', ''):
                listening.retry_s = float(response.getheader('Retry-After', 0))
                return
            for event, data, cursor, retry in frames(response):
                if self.closed.is_set(): return
                listening.retry_s = listening.retry_s if retry is None else retry
                listening.take(event, data, cursor)
                if event == '$sync': link.settimeout(1.5 * listening.heartbeat_s + 2)  # silence (P10)
                if event in ('$bye', '$overloaded'): return


class Listening:
    """One channel: where it is, which moves only with what was told, and what its app is called with."""

    def __init__(self, channel, on_event, on_reset, since):
        self.channel, self.on_event, self.on_reset, self.cursor = channel, on_event, on_reset, since
        self.heartbeat_s, self.lost, self.retry_s = HEARTBEAT_S, [], 0.0

    def begin(self):
        self.opened_s, self.has_event, self.retry_s = None, False, 0.0

    def is_well(self):
        """Who opens and dies at once has failed."""
        return self.has_event or (self.opened_s is not None and monotonic() - self.opened_s >= STEADY_S)

    def take(self, event, data, cursor):
        if event == '$sync':
            said = json.loads(data)
            self.opened_s = self.opened_s or monotonic()
            self.heartbeat_s = said.get('heartbeatMs', self.heartbeat_s * 1000) / 1000
            mine = said['channels'].get(self.channel, {})
            if mine.get('status') == 'reset': self.lost = [mine.get('lost')]
            if cursor and (self.lost or not is_repeat(cursor, self.cursor)): self.cursor = cursor
        elif event == '$snapshot':
            said = json.loads(data)
            lost, self.lost, self.cursor = (self.lost or [0])[0], [], said['cursor']
            self._call(self.on_reset, lost, said.get('state', {}))
        elif event in ('message', '$binary'):
            if is_repeat(cursor, self.cursor): return
            self.cursor, self.has_event, said = cursor, True, json.loads(data)
            self._call(self.on_event, said['data'] if 'data' in said else base64.b64decode(said['b64']))

    def _call(self, callback, *words):
        try: callback(self.channel, *words)
        except Exception: traceback.print_exc()  # the app's fault is none of the stream
