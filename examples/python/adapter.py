"""smallchange.py as the cases of docs/writing-a-client.md want to talk to it: npm run cases -- python3 examples/python/adapter.py"""
import base64, json, sys, threading
from smallchange import Connection

connections, output = {}, threading.Lock()


def tell(**line):
    with output:
        print(json.dumps(line), flush=True)


def subscribe(connection, channels, since=None):
    def on_event(channel, data):
        tell(told='event', connection=connection, channel=channel,
             **({'data': data} if isinstance(data, str) else {'b64': base64.b64encode(data).decode()}))

    def on_reset(channel, lost, state):
        tell(told='reset', connection=connection, channel=channel, lost=lost, state=state)

    for channel in channels: connections[connection].subscribe(channel, on_event, on_reset, since)


def publish(connection, channel, n, data=None, b64=''):
    def on_done(future):
        error = future.exception()
        if error: tell(told='refused', connection=connection, n=n, code=error.code)
        else: tell(told='published', connection=connection, n=n)

    content = base64.b64decode(b64) if data is None else data.encode()
    connections[connection].publish(channel, content).add_done_callback(on_done)


tell(told='ready', client='python', can=['since'])
for line in sys.stdin:
    command = json.loads(line)
    do, connection = command.pop('do'), command['connection']
    if do == 'connect': connections[connection] = Connection(command['url'], command['name'])
    elif do == 'subscribe': subscribe(**command)
    elif do == 'publish': publish(**command)
    elif do == 'close': connections[connection].close()
