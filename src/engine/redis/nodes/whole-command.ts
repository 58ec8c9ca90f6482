/**
 * A command that is put together in one piece. ioredis builds one argument by argument, and of what a POST costs that was a
 * fourteenth; texts and Buffers, which is all we send, need none of what it looks for meanwhile.
 */
import { Command } from 'ioredis';
import type { Linked } from '../../../domain/chain.ts';

export class WholeCommand extends Command implements Linked {
  /** Of those that are under way on its connection. */
  previous: Linked | undefined = undefined;
  next: Linked | undefined = undefined;
  /** For `patience.ts`, which does what ioredis' own timer, one for each command, would do too early. */
  sentAtTick = 0;
  /** It has failed by that; its answer may still come. */
  isLate = false;

  override setTimeout(): void {}

  /** RESP: an array of bulk strings. */
  override toWritable(): Buffer {
    const pieces: (string | Buffer)[] = [];
    let text = `*${this.args.length + 1}\r\n${bulk(this.name)}`;
    for (const argument of this.args as (string | Buffer)[]) {
      if (typeof argument === 'string') text += bulk(argument);
      else {
        pieces.push(`${text}$${argument.length}\r\n`, argument);
        text = '\r\n';
      }
    }
    pieces.push(text);
    return joined(pieces);
  }
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

function joined(pieces: readonly (string | Buffer)[]): Buffer {
  let size = 0;
  for (const piece of pieces) size += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
  const target = Buffer.allocUnsafe(size);
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === 'string') at += target.write(piece, at);
    else {
      target.set(piece, at);
      at += piece.length;
    }
  }
  return target;
}
