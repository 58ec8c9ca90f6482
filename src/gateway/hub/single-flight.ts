/** One call for all who ask for the same at the same time. Costs next to nothing while nobody asks. */
export class SingleFlight<T> {
  #underway: Map<string, Promise<T>> | null = null;

  run(key: string, call: () => Promise<T>): Promise<T> {
    this.#underway ??= new Map();
    const underway = this.#underway;
    let flight = underway.get(key);
    if (!flight) {
      flight = call().finally(() => {
        underway.delete(key);
        if (underway.size === 0 && this.#underway === underway) this.#underway = null;
      });
      underway.set(key, flight);
    }
    return flight;
  }
}
