import { problemOf, type Problem } from './problems';

/** The response to a call, or the problem that prevented it. */
export type Answer<T> =
  | { readonly value: T; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: Problem };

export async function answerOf<T>(call: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}
