/**
 * What lesson 9 shows of docs/study.md. Made by go generate ./web (bench/excerpt) of docs/study/result.json.gz.
 *
 *   points  what was found at each rate: [events a second, median of the rounds, lowest, highest]
 *   limit   milliseconds within which 99 of 100 deliveries came, where points are of what was in time
 *   most    how many deliveries a second were so at most: [median of the rounds, lowest, highest]
 */
export const study = {
  measured: '2026-11-23',
  cores: 2,
  cpu: 'Intel(R) Xeon(R) Processor',
  system: 'linux 6.18',
  go: 'go1.26.8',
  charts: [
    {
      key: 'cpu', scenario: 'c1-rates', subscribers: 100, size: 100, rounds: 6,
      lanes: [
        { name: 'longpoll', points: [[1,68.5,53.1,95.3],[10,50.3,43.7,69.2],[100,30.8,27.6,32.9],[1000,10,9.98,10]] },
        { name: 'httpstream', points: [[1,25.4,22.5,34],[10,12.1,10.3,14.3],[100,5.4,4.89,8.01],[1000,3.57,3.33,3.91]] },
        { name: 'sse', points: [[1,25.5,21.9,33.1],[10,11.5,10.2,13.4],[100,6.5,5.37,9.41],[1000,3.5,3.4,4.26]] },
        { name: 'websocket', points: [[1,27.2,22.2,29.2],[10,12.2,10.2,13.5],[100,5.97,5.19,6.56],[1000,3.62,3.53,3.82]] },
      ],
    },
    {
      key: 'batches', scenario: 'c6-overload', subscribers: 100, size: 100, rounds: 5, limit: 50,
      lanes: [
        { name: 'longpoll', points: [[200,1,1,1.01],[400,1.02,1.02,1.05],[800,1.85,1.77,1.9],[1600,3.73,3.65,3.77]], most: [174000,174000,190000] },
        { name: 'sse', points: [[200,1,1,1.01],[400,1,1,1],[800,1,1,1.01],[1600,1.01,1.01,1.03],[3200,1.63,1.62,1.65],[6400,3.07,2.97,3.12],[12800,3.97,3.92,3.99]], most: [1280000,1280000,1400000] },
      ],
    },
  ],
};
