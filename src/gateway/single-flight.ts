/** One call for all who ask for the same at the same time. */
export class SingleFlight<T> {
  readonly #underway = new Map<string, Promise<T>>();

  run(key: string, call: () => Promise<T>): Promise<T> {
    let flight = this.#underway.get(key);
    if (!flight) {
      flight = call().finally(() => this.#underway.delete(key));
      this.#underway.set(key, flight);
    }
    return flight;
  }
}
