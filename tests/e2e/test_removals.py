"""Who was erased, at a destination that misbehaves: cut out, removed, told of in the receipt."""
import json
import os
import time
import unittest

import test_export
from support import has_shared_data
from test_export import LOOPBACK, PEOPLE


class Removals(test_export.ExportCase):
    receiver = test_export.HostileReceiver.receiver
    url_of = test_export.HostileReceiver.url_of

    def deliveries(self):
        """What the receiver saw, in order."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding='utf-8') as stream:
            return [line for line in map(json.loads, stream) if line.get('items')]

    def wait_for(self, what, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if what():
                return
            time.sleep(0.02)
        self.fail('it does not come')

    def states(self, client, profile):
        erasure = self.assert_ok(client.get(f'/v1/profiles/{profile}/erasure')).json()
        return [(one['sync'], one['destination'], one['state'])
                for one in erasure['destinations']]

    def test_an_erased_person_is_cut_out_removed_and_leaves_nothing(self):
        if not has_shared_data():
            return
        ready = self.receiver()
        server, client = self.started(options=LOOPBACK)
        url = self.url_of(ready, '500,lost-ack,200').replace('/m/', '/q/')
        self.define(client, url, batch_size=1000, retry_schedule_ms=[0, 1500])
        self.assert_ok(client.post('/v1/syncs/pro-hook/run', {}))
        self.wait_for(lambda: len(self.deliveries()) == 1)
        time.sleep(0.3)
        # It was refused for now: nobody received it, so nothing is owed.
        receipt = self.assert_ok(client.delete('/v1/profiles/p0041')).json()
        self.assertEqual((receipt['removed_from'], receipt['destinations']), ([], []))
        self.wait_for(lambda: len(self.deliveries()) == 2)
        time.sleep(0.3)
        # This one may have arrived: the same message goes again, and the removal behind it.
        receipt = self.assert_ok(client.delete('/v1/profiles/p0042')).json()
        self.assertEqual(receipt['removed_from'], ['pro-hook'])
        client.close()
        server.kill()
        client = server.start().client()
        self.wait_for(lambda: self.states(client, 'p0042') == [('pro-hook', 'hook', 'confirmed')])
        self.assertEqual(self.states(client, 'p0041'), [])
        seen = [(one['id'], set(one['items'])) for one in self.deliveries()]
        self.assertEqual(len(seen), 4)
        self.assertEqual([len(people) for _, people in seen], [PEOPLE, PEOPLE - 1, PEOPLE - 1, 1])
        self.assertNotEqual(seen[0][0], seen[1][0])
        self.assertEqual(seen[1], seen[2])
        self.assertEqual(seen[3][1], {'p0042'})
        self.assertFalse(any('p0041' in people for _, people in seen[1:]))
        for run in client.get('/v1/syncs/pro-hook/runs').json()['items']:
            self.assert_adds_up(run)
        self.assertEqual(self.assert_ok(client.post('/v1/compact', {})).json()['needed'], 0)
        self.assertTrue(self.assert_ok(client.get('/v1/profiles/p0042/erasure')).json()['gone'])

    def test_a_destination_that_wants_nothing_any_more_keeps_owing(self):
        if not has_shared_data():
            return
        ready = self.receiver()
        server, client = self.started(options=LOOPBACK)
        url = self.url_of(ready, '200,410,200').replace('/m/', '/q/')
        self.define(client, url, batch_size=1000)
        self.run_to_end(client)
        self.assert_ok(client.delete('/v1/profiles/p0007'))
        self.wait_for(lambda: len(self.deliveries()) == 2)
        self.wait_for(lambda: self.assert_ok(
            client.get('/v1/destinations/hook')).json().get('disabled'))
        self.assertEqual(self.states(client, 'p0007'), [('pro-hook', 'hook', 'pending')])
        needed = self.assert_ok(client.post('/v1/compact', {})).json()['needed']
        self.assertGreater(needed, 0)
        client.close()
        server.kill()
        client = server.start().client()
        self.assertEqual(self.states(client, 'p0007'), [('pro-hook', 'hook', 'pending')])
        self.assert_ok(client.put('/v1/destinations/hook', self.destination(url)))
        self.wait_for(lambda: self.states(client, 'p0007') == [('pro-hook', 'hook', 'confirmed')])


if __name__ == '__main__':
    unittest.main()
