import './styles/tokens.css';
import './styles/base.css';

import { createRoot } from 'react-dom/client';

import { App } from './app/app';
import { createDevice } from './stores/client';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element "root".');

const device = await createDevice();
void device.session.resume();
createRoot(root).render(<App device={device} />);
