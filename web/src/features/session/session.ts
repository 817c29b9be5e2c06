// Who is signed in at this browser. Every page stands behind it.

import { useMutation, useQuery } from '@tanstack/react-query'
import type { RouteBody, RouteResponse } from '../../../../src/contract/routes.ts'
import { call, setCsrfToken } from '../../client/call.ts'
import { keyOf, queryClient } from '../../client/queries.ts'

type AuthState = RouteResponse<'authState'>
const KEY = keyOf('authState', {})

export function useSession() {
  return useQuery<AuthState, Error>({
    queryKey: KEY,
    queryFn: async ({ signal }) => {
      const state = await call('authState', { signal })
      setCsrfToken(state.csrfToken)
      return state
    },
    staleTime: 60_000,
    refetchOnWindowFocus: true,
  })
}

function enter(signedIn: RouteResponse<'login'>): void {
  setCsrfToken(signedIn.csrfToken)
  queryClient.setQueryData<AuthState>(KEY, {
    ownerExists: true,
    signUpNeedsCode: false,
    user: signedIn.user,
    csrfToken: signedIn.csrfToken,
  })
}

export function useSignUp() {
  return useMutation({ mutationFn: (body: RouteBody<'signUp'>) => call('signUp', { body }), onSuccess: enter })
}

export function useLogin() {
  return useMutation({ mutationFn: (body: RouteBody<'login'>) => call('login', { body }), onSuccess: enter })
}

export function useLogout() {
  return useMutation({ mutationFn: () => call('logout', {}), onSuccess: leave, onError: leave })
}

/** Everything that was read belongs to who was signed in. */
export function leave(): void {
  setCsrfToken(null)
  queryClient.removeQueries({ predicate: query => query.queryKey[0] !== 'authState' })
  void queryClient.invalidateQueries({ queryKey: KEY })
}
