"""Python with nothing but its standard library: one loop that comes back with the last id. python3 listen.py URL"""
import http.client, json, random, sys, time, urllib.request

url, last_id, retry = sys.argv[1], '', 2.0
while True:
    headers = {'Accept': 'text/event-stream', **({'Last-Event-ID': last_id} if last_id else {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as stream:
            kind, data, new_id = 'message', [], last_id
            for line in (raw.decode().rstrip('\n') for raw in stream):
                field, _, value = line.partition(':')
                value = value.removeprefix(' ')
                if field == 'event': kind = value
                elif field == 'data': data.append(value)
                elif field == 'id': new_id = value
                elif field == 'retry': retry = int(value) / 1000
                elif line == '':
                    last_id = new_id
                    if data: print(json.dumps([kind, '\n'.join(data)]), flush=True)
                    kind, data = 'message', []
    except (OSError, http.client.HTTPException) as error:
        print(error, file=sys.stderr)
    time.sleep(retry * random.uniform(0.5, 1))
